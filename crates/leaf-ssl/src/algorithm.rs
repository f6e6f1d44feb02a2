//! What every semi-supervised trainer is.

use crate::{Batch, Losses, Networks, Result, State, Views};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many steps were done before this one.
    pub index: usize,
    /// How many steps the whole run has.
    pub total: usize,
}

impl Step {
    /// The share of the run that lies behind, in `[0, 1]`.
    pub fn fraction(self) -> f64 {
        self.index as f64 / self.total.max(1) as f64
    }
}

/// A semi-supervised training rule: which views it needs and what loss it makes of them.
///
/// An algorithm sees tensors only. Data, optimizer and logs are other parts' work.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a semi-supervised algorithm",
    note = "compose one with `leaf_ssl::WeakStrong`, or implement `leaf_ssl::Algorithm`"
)]
pub trait Algorithm {
    /// The algorithm's name in the literature.
    fn name(&self) -> &str;

    /// The views that [`Algorithm::loss`] needs.
    fn views(&self) -> Views;

    /// The loss of one step. Thresholds and averages are updated here, before the weights are.
    ///
    /// # Errors
    /// When the batch lacks views or does not fit the network.
    fn loss(&mut self, networks: &Networks, batch: &Batch, step: Step) -> Result<Losses>;

    /// Everything that is kept between steps.
    ///
    /// # Errors
    /// Those of candle.
    fn state(&self) -> Result<State>;

    /// Goes on where [`Algorithm::state`] was taken.
    ///
    /// # Errors
    /// When an entry is missing or does not fit.
    fn load_state(&mut self, state: &State) -> Result<()>;
}

impl<A: Algorithm + ?Sized> Algorithm for Box<A> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn views(&self) -> Views {
        (**self).views()
    }

    fn loss(&mut self, networks: &Networks, batch: &Batch, step: Step) -> Result<Losses> {
        (**self).loss(networks, batch, step)
    }

    fn state(&self) -> Result<State> {
        (**self).state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        (**self).load_state(state)
    }
}
