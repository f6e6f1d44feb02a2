//! A rule that is written out as one function, to hold a trainer to.

use std::fmt;

use candle_core::Tensor;
use leaf_ssl::{Algorithm, Batch, Context, Heads, Losses, Result, Stateful, Step, Views};

/// An algorithm that keeps nothing and whose total loss a function gives.
pub struct ByHand<F> {
    views: Views,
    heads: Heads,
    rule: F,
}

impl<F: FnMut(&Context, &Batch, Step) -> Result<Tensor>> ByHand<F> {
    /// A rule that needs those views and no head beside the classifier.
    pub fn new(views: Views, rule: F) -> Self {
        Self {
            views,
            heads: Heads::default(),
            rule,
        }
    }

    /// The same rule with other heads.
    #[must_use]
    pub fn with_heads(self, heads: Heads) -> Self {
        Self { heads, ..self }
    }
}

impl<F> fmt::Debug for ByHand<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut form = f.debug_struct("ByHand");
        form.field("views", &self.views).finish_non_exhaustive()
    }
}

impl<F> Stateful for ByHand<F> {}

impl<F: FnMut(&Context, &Batch, Step) -> Result<Tensor>> Algorithm for ByHand<F> {
    fn name(&self) -> &str {
        "by hand"
    }

    fn views(&self) -> Views {
        self.views
    }

    fn heads(&self) -> Heads {
        self.heads
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let total = (self.rule)(context, batch, step)?;
        Ok(Losses::new(total, Vec::new()))
    }
}
