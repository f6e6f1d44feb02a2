//! Gradient descent whose whole state can be saved.

mod adam;
mod config;
mod sgd;
mod slots;
mod weight_decay;

use candle_core::Var;
use leaf_ssl::State;

pub use adam::{Adam, AdamConfig};
pub use config::OptimizerConfig;
pub use sgd::{Sgd, SgdConfig};
pub use weight_decay::WeightDecay;

use crate::{Gradients, Result};

/// A rule that turns gradients into new weights.
///
/// The learning rate is given with every step, so schedules need no access to the optimizer.
pub trait Optimizer: std::fmt::Debug {
    /// The rule's name in the literature.
    fn name(&self) -> &'static str;

    /// What is trained, sorted by name.
    fn parameters(&self) -> &[(String, Var)];

    /// Changes the parameters in place; nothing is changed if the gradients do not fit.
    ///
    /// # Errors
    /// [`crate::Error::MissingGradient`] if a parameter has none and that is not allowed,
    /// [`crate::Error::GradientShape`], and those of candle.
    fn step(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()>;

    /// Everything that is kept between steps.
    ///
    /// # Errors
    /// Those of candle.
    fn state(&self) -> Result<State>;

    /// Goes on where [`Optimizer::state`] was taken; nothing is changed if the state does not fit.
    ///
    /// # Errors
    /// [`crate::Error::OptimizerState`] naming every entry that is missing, unexpected or wrongly
    /// shaped.
    fn load_state(&mut self, state: &State) -> Result<()>;
}

#[cfg(test)]
mod tests;
