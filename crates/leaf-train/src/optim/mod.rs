//! Gradient descent whose whole state can be saved.

mod adam;
mod adam_rule;
mod config;
mod each;
mod sgd;
mod sgd_rule;
mod slots;
mod tensors;
mod weight_decay;

use candle_core::Var;
use leaf_ssl::State;

pub use adam::{Adam, AdamConfig};
pub use config::OptimizerConfig;
pub use sgd::{Sgd, SgdConfig};
pub use weight_decay::WeightDecay;

use crate::{Gradients, Result, WeightAverage};

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

    /// A step, and then [`WeightAverage::update`]. What an optimizer implements itself may be faster; the
    /// numbers are the same.
    ///
    /// [`Sgd`] and [`Adam`] do both in one pass over weight, gradient, moments and average, if these are
    /// contiguous f32 or f64 on the processor. While it lasts, all of a parameter's tensors are locked: a
    /// thread that reads a weight together with its average at the same time may wait for ever.
    ///
    /// # Errors
    /// Those of [`Optimizer::step`], before anything is changed, and those of candle.
    fn step_with_average(
        &mut self,
        gradients: &Gradients,
        learning_rate: f64,
        average: &WeightAverage,
    ) -> Result<()> {
        self.step(gradients, learning_rate)?;
        average.update()
    }

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
#[cfg(test)]
mod twin_tests;
