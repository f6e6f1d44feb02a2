//! Dash's bound on the loss of a pseudo-label.
//!
//! Source: Y. Xu et al., "Dash", ICML 2021, algorithm 1, with the constants of USB.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Mode, cross_entropy};

use super::Selector;
use crate::{
    Context, Error, PseudoLabels, Result, Seen, State, Stateful, Step, Target, Views, bounds,
    state_entry,
};

/// The configuration of a [`LossBound`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct LossBoundConfig {
    /// The share of the run, in `[0, 1)`, before any pseudo-label counts.
    pub warmup: f64,
    /// The share of the run between two falls of the bound, more than 0 and at most 1.
    pub interval: f64,
    /// What the first bound is, in units of the mean loss of labelled faces (C).
    pub scale: f64,
    /// What the bound is divided by at each fall (γ), at least 1.
    pub decay: f64,
    /// The least bound (ρ_min), more than 0; once it is reached, labels are hard.
    pub floor: f64,
}

impl Default for LossBoundConfig {
    fn default() -> Self {
        Self {
            warmup: 0.1,
            interval: 0.01,
            scale: 1.0001,
            decay: 1.27,
            floor: 0.05,
        }
    }
}

impl LossBoundConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        bounds::share_below_one("warmup", self.warmup)?;
        bounds::check(
            self.interval > 0. && self.interval <= 1.,
            "interval",
            self.interval,
            "more than 0 and at most 1",
        )?;
        bounds::positive("scale", self.scale)?;
        bounds::check(
            self.decay.is_finite() && self.decay >= 1.,
            "decay",
            self.decay,
            "1 or more",
        )?;
        bounds::positive("floor", self.floor)
    }
}

/// The saved entry.
const INITIAL: &str = "rho_init";

/// Keeps a face if `CE(z_w, q) <= ρ`: its weak logits against its own label q, with several weak views
/// the mean of theirs.
///
/// `ρ = max(C γ^(-k) ρ_0, ρ_min)`, where k falls lie behind and ρ_0 is the student's mean cross-entropy
/// in evaluation on all labelled faces when the warm-up ends. During the warm-up nothing is kept. Once
/// ρ is ρ_min, labels become hard.
#[derive(Clone, Debug)]
pub struct LossBound {
    config: LossBoundConfig,
    initial: Option<f64>,
}

impl LossBound {
    /// Before the warm-up.
    ///
    /// # Errors
    /// When a setting is out of its bounds.
    pub fn new(config: LossBoundConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            config,
            initial: None,
        })
    }

    /// The bound ρ at a step; `None` during the warm-up.
    pub fn bound(&self, step: Step) -> Option<f64> {
        let initial = self.initial?;
        let since = step.index.saturating_sub(self.warmup_steps(step));
        let falls = since / steps_of(self.config.interval, step).max(1);
        let bound = self.config.scale * initial / self.config.decay.powf(falls as f64);
        Some(bound.max(self.config.floor))
    }

    fn warmup_steps(&self, step: Step) -> usize {
        steps_of(self.config.warmup, step)
    }
}

/// A share of the run in whole steps.
fn steps_of(share: f64, step: Step) -> usize {
    (share * step.total as f64).round() as usize
}

impl Selector for LossBound {
    fn needs(&self) -> Views {
        Views {
            labeled_pass: true,
            ..Views::NONE
        }
    }

    fn prepare(&mut self, context: &Context, step: Step) -> Result<()> {
        if self.initial.is_none() && step.index >= self.warmup_steps(step) {
            self.initial = Some(mean_loss(context)?);
        }
        Ok(())
    }

    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor> {
        let Some(bound) = self.bound(seen.step) else {
            return Ok(labels.confidence.zeros_like()?);
        };
        if bound <= self.config.floor {
            labels.target = Target::Hard;
        }
        let losses = seen.weak.iter();
        let losses = losses.map(|view| labels.cross_entropy(&view.logits));
        let losses = Tensor::stack(&losses.collect::<Result<Vec<_>>>()?, 0)?.mean(0)?;
        Ok(losses.le(bound)?.to_dtype(labels.confidence.dtype())?)
    }
}

/// The student's mean cross-entropy on all labelled faces, in evaluation.
fn mean_loss(context: &Context) -> Result<f64> {
    let (mut sum, mut count) = (0., 0);
    for chunk in context.need_labeled()?.pass(0) {
        let (images, labels) = chunk?;
        let logits = context.student.forward(&images, Mode::Eval)?.logits;
        let losses = cross_entropy(&logits, &labels)?.to_device(&Device::Cpu)?;
        let losses = losses.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        sum += losses.iter().sum::<f64>();
        count += losses.len();
    }
    match count {
        0 => Err(Error::Missing {
            what: "labelled face",
        }),
        _ => Ok(sum / count as f64),
    }
}

/// The bound follows from ρ_0 and the step; before the warm-up's end nothing is kept.
impl Stateful for LossBound {
    fn state(&self) -> Result<State> {
        let entry = |initial: f64| -> Result<(String, Tensor)> {
            Ok((INITIAL.to_owned(), Tensor::new(&[initial], &Device::Cpu)?))
        };
        self.initial.into_iter().map(entry).collect()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.initial = match state.contains_key(INITIAL) {
            true => Some(state_entry(state, INITIAL, &[1])?.to_vec1::<f64>()?[0]),
            false => None,
        };
        Ok(())
    }
}
