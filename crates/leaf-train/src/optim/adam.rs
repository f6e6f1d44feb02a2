//! Adam and AdamW.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};
use leaf_ssl::State;
use serde::{Deserialize, Serialize};

use super::adam_rule::AdamRule;
use super::each::each;
use super::weight_decay::below_one;
use super::{Optimizer, WeightDecay, slots};
use crate::weight_average::Tracked;
use crate::{Error, Gradients, Result, WeightAverage, entries};

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
///
/// On the processor a step is one pass over the memory, see [`Optimizer::step_with_average`].
#[derive(Debug)]
pub struct Adam {
    config: AdamConfig,
    parameters: Vec<(String, Var)>,
    pub(super) first: Vec<Tensor>,
    second: Vec<Tensor>,
    // Per parameter, since one without a gradient takes no step.
    steps: Vec<i64>,
    plain: bool,
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
            plain: false,
        })
    }

    /// The same optimizer by candle's operations alone, as on a GPU: a dozen passes over the memory instead
    /// of one. The numbers are the same; it is there to compare with.
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
            first,
            second,
            steps,
            plain,
        } = self;
        each(parameters, gradients, average, |i, gradient, tracked| {
            let var = &parameters[i].1;
            let rule = AdamRule::new(config, var, steps[i] + 1, learning_rate);
            let in_pass = tracked.and_then(Tracked::in_pass);
            let values = [var.as_tensor(), &first[i], &second[i]];
            let renewed = !*plain && entries::renew(rule, values, gradient, in_pass)?;
            if !renewed {
                let weight = var.as_detached_tensor();
                let new = rule.plain([&weight, &first[i], &second[i]], gradient)?;
                var.set(&new[0])?;
                [_, first[i], second[i]] = new;
            }
            steps[i] += 1;
            Ok(renewed && in_pass.is_some())
        })
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
