//! What turns features into better features of the same width.

use candle_core::Tensor;

use crate::{Mode, Result, Routing};

/// What an [`Aggregator`] gives for N rows.
#[derive(Clone, Debug)]
pub struct Aggregated {
    /// The features `(N, D)`.
    pub output: Tensor,
    /// The decisions of the mixtures on the way, in order.
    pub routing: Vec<Routing>,
    /// The sum of the mixtures' balance losses, unweighted (scalar); `None` without mixtures.
    pub balance: Option<Tensor>,
}

/// Turns features into features of the same width, for instance a mixture of experts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregator",
    note = "implement `leaf_core::Aggregator`: `aggregate` turns features (N, D) into `Aggregated`"
)]
pub trait Aggregator {
    /// Features `(N, D)` to features `(N, D)` and what goes with them.
    ///
    /// # Errors
    /// When the features do not fit.
    fn aggregate(&self, xs: &Tensor, mode: Mode) -> Result<Aggregated>;
}

impl<T: Aggregator + ?Sized> Aggregator for Box<T> {
    fn aggregate(&self, xs: &Tensor, mode: Mode) -> Result<Aggregated> {
        (**self).aggregate(xs, mode)
    }
}

/// Leaves features as they are: a level that is switched off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity;

impl Aggregator for Identity {
    fn aggregate(&self, xs: &Tensor, _mode: Mode) -> Result<Aggregated> {
        Ok(Aggregated {
            output: xs.clone(),
            routing: Vec::new(),
            balance: None,
        })
    }
}

/// One aggregator after the other; balance losses are added and decisions listed in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Then<A, B> {
    /// What comes first.
    pub first: A,
    /// What works on the first's output.
    pub second: B,
}

impl<A: Aggregator, B: Aggregator> Aggregator for Then<A, B> {
    fn aggregate(&self, xs: &Tensor, mode: Mode) -> Result<Aggregated> {
        let mut first = self.first.aggregate(xs, mode)?;
        let second = self.second.aggregate(&first.output, mode)?;
        first.routing.extend(second.routing);
        Ok(Aggregated {
            output: second.output,
            routing: first.routing,
            balance: sum(first.balance, second.balance)?,
        })
    }
}

/// The sum of two losses of which either may be absent.
pub(crate) fn sum(a: Option<Tensor>, b: Option<Tensor>) -> Result<Option<Tensor>> {
    Ok(match (a, b) {
        (Some(a), Some(b)) => Some((a + b)?),
        (a, b) => a.or(b),
    })
}
