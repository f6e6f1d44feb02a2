//! The arithmetic of one step with momentum, for single entries and for tensors.

use candle_core::{Tensor, Var};
use pulp::Simd;

use super::SgdConfig;
use super::tensors::{add_scaled, scaled};
use super::weight_decay::Decay;
use crate::Result;
use crate::entries::{Lanes, Number, Rule};

/// One step with all its factors; the values are the weight and the velocity.
#[derive(Clone, Copy, Debug)]
pub(super) struct SgdRule {
    pub(super) momentum: f64,
    pub(super) nesterov: bool,
    /// What is added to the gradient per unit of weight.
    pub(super) coupled: f64,
    /// What the weight is multiplied with.
    pub(super) shrink: f64,
    pub(super) learning_rate: f64,
}

impl SgdRule {
    /// The step of a variable.
    pub(super) fn new(config: &SgdConfig, var: &Var, learning_rate: f64) -> Self {
        let decay = Decay {
            kind: config.weight_decay,
            all: config.decay_all,
        };
        Self {
            momentum: config.momentum,
            nesterov: config.nesterov,
            coupled: decay.coupled(var),
            shrink: decay.shrink(var, learning_rate),
            learning_rate,
        }
    }

    /// The twin of [`Rule::renewed`]: the same operations in the same order.
    pub(super) fn plain(
        self,
        [weight, velocity]: [&Tensor; 2],
        gradient: &Tensor,
    ) -> Result<[Tensor; 2]> {
        let gradient = add_scaled(gradient, weight, self.coupled)?;
        let velocity = match self.momentum == 0. {
            // A copy: the gradient may be the caller's, and the velocity is written in place.
            true => gradient.force_contiguous()?,
            false => add_scaled(&gradient, velocity, self.momentum)?,
        };
        let direction = match self.nesterov {
            true => add_scaled(&gradient, &velocity, self.momentum)?,
            false => velocity.clone(),
        };
        let weight = (scaled(weight, self.shrink)? - (direction * self.learning_rate)?)?;
        Ok([weight, velocity])
    }
}

impl Rule<2> for SgdRule {
    #[inline(always)]
    fn renewed<T: Number, S: Simd>(
        &self,
        [weight, velocity]: [Lanes<T, S>; 2],
        gradient: Lanes<T, S>,
    ) -> [Lanes<T, S>; 2] {
        let gradient = match self.coupled == 0. {
            true => gradient,
            false => gradient + weight * self.coupled,
        };
        let velocity = match self.momentum == 0. {
            true => gradient,
            false => gradient + velocity * self.momentum,
        };
        let direction = match self.nesterov {
            true => gradient + velocity * self.momentum,
            false => velocity,
        };
        let weight = weight * self.shrink - direction * self.learning_rate;
        [weight, velocity]
    }
}
