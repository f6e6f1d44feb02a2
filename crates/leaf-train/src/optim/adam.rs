//! Adam and AdamW.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use leaf_ssl::State;
use serde::{Deserialize, Serialize};

use super::sgd::{add_scaled, shrunk};
use super::weight_decay::{Decay, below_one};
use super::{Optimizer, WeightDecay, slots};
use crate::{Error, Gradients, Result};

/// Settings of [`Adam`]. The default is PyTorch's Adam; [`AdamConfig::adamw`] is its AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// The share of the gradient's average that is kept, in `[0, 1)`.
    pub beta1: f64,
    /// The share of the squared gradient's average that is kept, in `[0, 1)`.
    pub beta2: f64,
    /// Added to the root, above 0.
    pub eps: f64,
    /// How weights are pulled towards 0.
    pub weight_decay: WeightDecay,
    /// Whether biases and normalization layers decay too.
    pub decay_all: bool,
    /// Whether a parameter without a gradient is left as it is instead of being an error.
    pub allow_missing_gradients: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: WeightDecay::NONE,
            decay_all: false,
            allow_missing_gradients: false,
        }
    }
}

impl AdamConfig {
    /// AdamW with PyTorch's decay of 0.01.
    pub fn adamw() -> Self {
        Self {
            weight_decay: WeightDecay::Decoupled(0.01),
            ..Self::default()
        }
    }

    fn check(&self) -> Result<()> {
        below_one("beta1", self.beta1)?;
        below_one("beta2", self.beta2)?;
        self.weight_decay.check()?;
        if self.eps.is_finite() && self.eps > 0. {
            return Ok(());
        }
        Err(Error::OutOfRange {
            field: "eps",
            value: self.eps,
            expected: "a finite number above 0",
        })
    }
}

/// Adam (Kingma and Ba 2015) as in PyTorch; with [`WeightDecay::Decoupled`] it is AdamW.
///
/// With gradient `g` in a parameter's t-th step: `m <- b1 m + (1 - b1) g`,
/// `v <- b2 v + (1 - b2) g^2`, then
/// `w <- w - r m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)`.
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    parameters: Vec<(String, Var)>,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
    // Per parameter, since one without a gradient takes no step.
    steps: Vec<i64>,
}

impl Adam {
    /// An optimizer at rest.
    ///
    /// # Errors
    /// When a setting is out of its bounds or there are no parameters.
    pub fn new(parameters: &BTreeMap<String, Var>, config: AdamConfig) -> Result<Self> {
        config.check()?;
        let parameters = slots::sorted(parameters)?;
        Ok(Self {
            config,
            first: slots::zeros(&parameters)?,
            second: slots::zeros(&parameters)?,
            steps: vec![0; parameters.len()],
            parameters,
        })
    }

    fn update(&mut self, i: usize, gradient: &Tensor, learning_rate: f64) -> Result<()> {
        let AdamConfig {
            beta1, beta2, eps, ..
        } = self.config;
        let decay = Decay {
            kind: self.config.weight_decay,
            all: self.config.decay_all,
        };
        let var = &self.parameters[i].1;
        let weight = var.as_detached_tensor();
        let gradient = add_scaled(gradient, &weight, decay.coupled(var))?;
        let step = self.steps[i] + 1;
        let first = ((&self.first[i] * beta1)? + (&gradient * (1. - beta1))?)?;
        let second = ((&self.second[i] * beta2)? + (gradient.sqr()? * (1. - beta2))?)?;

        let correction1 = 1. - beta1.powf(step as f64);
        let correction2 = 1. - beta2.powf(step as f64);
        let root = second.sqrt()?.affine(1. / correction2.sqrt(), eps)?;
        let change = ((&first / root)? * (learning_rate / correction1))?;
        let kept = shrunk(&weight, decay.shrink(var, learning_rate))?;
        var.set(&(kept - change)?)?;
        self.first[i] = first;
        self.second[i] = second;
        self.steps[i] = step;
        Ok(())
    }
}

impl Optimizer for Adam {
    fn name(&self) -> &'static str {
        match self.config.weight_decay {
            WeightDecay::L2(_) => "Adam",
            WeightDecay::Decoupled(_) => "AdamW",
        }
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
        slots::save(&mut state, "first", &self.parameters, &self.first)?;
        slots::save(&mut state, "second", &self.parameters, &self.second)?;
        let steps = Tensor::from_slice(&self.steps, self.steps.len(), &Device::Cpu)?;
        state.insert("steps".to_owned(), steps);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let count = self.parameters.len();
        let expected = slots::entries("first", &self.parameters)
            .chain(slots::entries("second", &self.parameters))
            .chain([("steps".to_owned(), vec![count])]);
        slots::check_state(self.name(), state, expected)?;
        let first = slots::restore(state, "first", &self.parameters)?;
        let second = slots::restore(state, "second", &self.parameters)?;
        let steps = leaf_ssl::state_entry(state, "steps", &[count])?;
        self.steps = steps.to_dtype(candle_core::DType::I64)?.to_vec1()?;
        (self.first, self.second) = (first, second);
        Ok(())
    }
}
