//! What every semi-supervised trainer is.

use crate::{Batch, Context, Heads, Losses, Result, Stateful, Step, Views};

/// A semi-supervised training rule: which views it needs and what loss it makes of them.
///
/// An algorithm sees tensors only. Data, optimizer and logs are other parts' work. What it keeps between
/// steps is its [`Stateful::state`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a semi-supervised algorithm",
    note = "compose one with `leaf_ssl::WeakStrong`, or implement `leaf_ssl::Algorithm` and `Stateful`"
)]
pub trait Algorithm: Stateful {
    /// The algorithm's name in the literature.
    fn name(&self) -> &str;

    /// What [`Algorithm::loss`] needs of a batch and of the trainer.
    fn views(&self) -> Views;

    /// The heads that the network needs beside the classifier.
    fn heads(&self) -> Heads {
        Heads::default()
    }

    /// The loss of one step. Thresholds and averages are updated here, before the weights are.
    ///
    /// # Errors
    /// When the batch lacks views or does not fit the network.
    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses>;
}

impl<A: Algorithm + ?Sized> Algorithm for Box<A> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn views(&self) -> Views {
        (**self).views()
    }

    fn heads(&self) -> Heads {
        (**self).heads()
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        (**self).loss(context, batch, step)
    }
}
