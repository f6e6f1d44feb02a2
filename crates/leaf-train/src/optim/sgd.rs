//! Stochastic gradient descent with momentum.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use leaf_ssl::State;
use serde::{Deserialize, Serialize};

use super::each::each;
use super::sgd_rule::SgdRule;
use super::weight_decay::below_one;
use super::{Optimizer, WeightDecay, slots};
use crate::weight_average::Tracked;
use crate::{Error, Gradients, Result, WeightAverage, entries};

/// Settings of [`Sgd`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SgdConfig {
    /// The share of the velocity that is kept, in `[0, 1)`.
    pub momentum: f64,
    /// Whether to look ahead along the velocity.
    pub nesterov: bool,
    /// How weights are pulled towards 0.
    pub weight_decay: WeightDecay,
    /// Whether biases and normalization layers decay too.
    pub decay_all: bool,
    /// Whether a parameter without a gradient is left as it is instead of being an error.
    pub allow_missing_gradients: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self {
            momentum: 0.9,
            nesterov: true,
            weight_decay: WeightDecay::L2(5e-4),
            decay_all: false,
            allow_missing_gradients: false,
        }
    }
}

/// Stochastic gradient descent as in PyTorch, without dampening.
///
/// With gradient `g`, velocity `v` (first 0), momentum `m` and learning rate `r`:
/// `v <- m v + g`, then `w <- w - r (g + m v)` with Nesterov and `w <- w - r v` without.
///
/// On the processor a step is one pass over the memory, see [`Optimizer::step_with_average`].
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    parameters: Vec<(String, Var)>,
    pub(super) velocity: Vec<Tensor>,
    pub(super) plain: bool,
}

impl Sgd {
    /// An optimizer at rest.
    ///
    /// # Errors
    /// When a setting is out of its bounds or there are no parameters.
    pub fn new(parameters: &BTreeMap<String, Var>, config: SgdConfig) -> Result<Self> {
        below_one("momentum", config.momentum)?;
        config.weight_decay.check()?;
        if config.nesterov && config.momentum == 0. {
            return Err(Error::Conflict {
                given: "nesterov = true with momentum = 0",
                expected: "momentum above 0 or nesterov = false",
            });
        }
        let parameters = slots::sorted(parameters)?;
        let velocity = slots::zeros(&parameters)?;
        Ok(Self {
            config,
            parameters,
            velocity,
            plain: false,
        })
    }

    /// The same optimizer by candle's operations alone, as on a GPU: ten passes over the memory instead of
    /// one. The numbers are the same; it is there to compare with.
    pub fn plain(self) -> Self {
        Self {
            plain: true,
            ..self
        }
    }

    fn step_and_average(
        &mut self,
        gradients: &Gradients,
        learning_rate: f64,
        average: Option<&WeightAverage>,
    ) -> Result<()> {
        let allow_missing = self.config.allow_missing_gradients;
        slots::check_gradients(&self.parameters, gradients, allow_missing)?;
        let Self {
            config,
            parameters,
            velocity,
            plain,
        } = self;
        each(parameters, gradients, average, |i, gradient, tracked| {
            let var = &parameters[i].1;
            let rule = SgdRule::new(config, var, learning_rate);
            let in_pass = tracked.and_then(Tracked::in_pass);
            let values = [var.as_tensor(), &velocity[i]];
            if !*plain && entries::renew(rule, values, gradient, in_pass)? {
                return Ok(in_pass.is_some());
            }
            let weight = var.as_detached_tensor();
            let [weight, new_velocity] = rule.plain([&weight, &velocity[i]], gradient)?;
            var.set(&weight)?;
            velocity[i] = new_velocity;
            Ok(false)
        })
    }
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "SGD"
    }

    fn parameters(&self) -> &[(String, Var)] {
        &self.parameters
    }

    fn step(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()> {
        self.step_and_average(gradients, learning_rate, None)
    }

    fn step_with_average(
        &mut self,
        gradients: &Gradients,
        learning_rate: f64,
        average: &WeightAverage,
    ) -> Result<()> {
        self.step_and_average(gradients, learning_rate, Some(average))
    }

    fn state(&self) -> Result<State> {
        let mut state = State::new();
        slots::save(&mut state, "velocity", &self.parameters, &self.velocity)?;
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let expected = slots::entries("velocity", &self.parameters);
        slots::check_state(self.name(), state, expected)?;
        self.velocity = slots::restore(state, "velocity", &self.parameters)?;
        Ok(())
    }
}
