//! What chooses experts.

use candle_core::Tensor;

use crate::{Mode, Result, Routing};

/// Chooses, for each row, which experts serve it and how much each counts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate",
    note = "implement `leaf_core::Gate`: `route` turns features (N, D) into a `Routing`"
)]
pub trait Gate {
    /// How many experts the gate chooses from.
    fn num_experts(&self) -> usize;

    /// Features `(N, D)` to a decision for each row.
    ///
    /// # Errors
    /// When the features do not fit the gate.
    fn route(&self, xs: &Tensor, mode: Mode) -> Result<Routing>;
}

impl<T: Gate + ?Sized> Gate for Box<T> {
    fn num_experts(&self) -> usize {
        (**self).num_experts()
    }

    fn route(&self, xs: &Tensor, mode: Mode) -> Result<Routing> {
        (**self).route(xs, mode)
    }
}
