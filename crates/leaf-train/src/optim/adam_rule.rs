//! The arithmetic of one step of Adam, for single entries and for tensors.

use candle_core::{Tensor, Var};
use pulp::Simd;

use super::AdamConfig;
use super::tensors::{add_scaled, scaled};
use super::weight_decay::Decay;
use crate::Result;
use crate::entries::{Lanes, Number, Rule};

/// One step with all its factors; the values are the weight, the first and the second moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamRule {
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) eps: f64,
    /// What is added to the gradient per unit of weight.
    pub(super) coupled: f64,
    /// What the weight is multiplied with.
    pub(super) shrink: f64,
    /// `learning rate / (1 - beta1^t)`.
    pub(super) rate: f64,
    /// `1 / sqrt(1 - beta2^t)`.
    pub(super) root_scale: f64,
}

impl AdamRule {
    /// A variable's step number `step`, from 1.
    pub(super) fn new(config: &AdamConfig, var: &Var, step: i64, learning_rate: f64) -> Self {
        let AdamConfig {
            beta1, beta2, eps, ..
        } = *config;
        let decay = Decay {
            kind: config.weight_decay,
            all: config.decay_all,
        };
        let step = step as f64;
        Self {
            beta1,
            beta2,
            eps,
            coupled: decay.coupled(var),
            shrink: decay.shrink(var, learning_rate),
            rate: learning_rate / (1. - beta1.powf(step)),
            root_scale: 1. / (1. - beta2.powf(step)).sqrt(),
        }
    }

    /// The twin of [`Rule::renewed`]: the same operations in the same order.
    pub(super) fn plain(
        self,
        [weight, first, second]: [&Tensor; 3],
        gradient: &Tensor,
    ) -> Result<[Tensor; 3]> {
        let gradient = add_scaled(gradient, weight, self.coupled)?;
        let first = ((first * self.beta1)? + (&gradient * (1. - self.beta1))?)?;
        let second = ((second * self.beta2)? + (gradient.sqr()? * (1. - self.beta2))?)?;
        let root = second.sqrt()?.affine(self.root_scale, self.eps)?;
        let change = ((&first / root)? * self.rate)?;
        let weight = (scaled(weight, self.shrink)? - change)?;
        Ok([weight, first, second])
    }
}

impl Rule<3> for AdamRule {
    #[inline(always)]
    fn renewed<T: Number, S: Simd>(
        &self,
        [weight, first, second]: [Lanes<T, S>; 3],
        gradient: Lanes<T, S>,
    ) -> [Lanes<T, S>; 3] {
        let gradient = match self.coupled == 0. {
            true => gradient,
            false => gradient + weight * self.coupled,
        };
        let first = first * self.beta1 + gradient * (1. - self.beta1);
        let second = second * self.beta2 + gradient * gradient * (1. - self.beta2);
        let root = second.root() * self.root_scale + self.eps;
        let weight = weight * self.shrink - first / root * self.rate;
        [weight, first, second]
    }
}
