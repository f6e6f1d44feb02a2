//! Stochastic gradient descent with momentum.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use leaf_ssl::State;
use serde::{Deserialize, Serialize};

use super::weight_decay::{Decay, below_one};
use super::{Optimizer, WeightDecay, slots};
use crate::{Error, Gradients, Result};

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
#[derive(Debug)]
pub struct Sgd {
    config: SgdConfig,
    parameters: Vec<(String, Var)>,
    velocity: Vec<Tensor>,
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
        })
    }

    fn update(&mut self, i: usize, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let decay = Decay {
            kind: self.config.weight_decay,
            all: self.config.decay_all,
        };
        let var = &self.parameters[i].1;
        let weight = var.as_detached_tensor();
        let gradient = add_scaled(gradient, &weight, decay.coupled(var))?;
        let velocity = add_scaled(&gradient, &self.velocity[i], self.config.momentum)?;
        let direction = if self.config.nesterov {
            add_scaled(&gradient, &velocity, self.config.momentum)?
        } else {
            velocity.clone()
        };
        let kept = shrunk(&weight, decay.shrink(var, learning_rate))?;
        var.set(&(kept - (direction * learning_rate)?)?)?;
        self.velocity[i] = velocity;
        Ok(())
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
        let allow_missing = self.config.allow_missing_gradients;
        slots::check_gradients(&self.parameters, gradients, allow_missing)?;
        for i in 0..self.parameters.len() {
            if let Some(gradient) = gradients.get(&self.parameters[i].0) {
                self.update(i, gradient, learning_rate)?;
            }
        }
        Ok(())
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

/// `a + scale b`, which is `a` itself (and not a copy) for scale 0.
pub(super) fn add_scaled(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    if scale == 0. {
        return Ok(a.clone());
    }
    Ok((a + (b * scale)?)?)
}

/// `scale a`, which is `a` itself (and not a copy) for scale 1.
pub(super) fn shrunk(a: &Tensor, scale: f64) -> Result<Tensor> {
    if scale == 1. {
        return Ok(a.clone());
    }
    Ok((a * scale)?)
}
