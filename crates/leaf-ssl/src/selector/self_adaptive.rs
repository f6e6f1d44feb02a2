//! FreeMatch's self-adaptive threshold.
//!
//! Source: Y. Wang et al., "FreeMatch", ICLR 2023, equations 5 to 11, with the order of USB.

use candle_core::{D, DType, Device, Tensor};
use leaf_core::Error;

use super::{Penalty, Selector, on_host};
use crate::scores::expect_classes;
use crate::{Logits, PseudoLabels, Result, Seen, State, Stateful, bounds, state_entry};

/// The configuration of a [`SelfAdaptive`] selector.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct SelfAdaptiveConfig {
    /// How much of the running averages stays at each step (m), in `[0, 1)`.
    pub momentum: f64,
    /// Whether the global threshold follows the .8 quantile of the confidences and not their mean.
    pub quantile: bool,
    /// Whether the global threshold is kept at .95 or less.
    pub clip: bool,
    /// What the [`fairness`] term is multiplied by (λ_e); 0 switches it off. The term is added to the
    /// loss, negative, and not multiplied by the unlabelled faces' weight λ_u.
    pub fairness: f64,
}

impl Default for SelfAdaptiveConfig {
    fn default() -> Self {
        Self {
            momentum: 0.999,
            quantile: false,
            clip: false,
            fairness: 0.001,
        }
    }
}

/// The saved entries.
const GLOBAL: &str = "time_p";
const AVERAGE: &str = "p_model";
const HISTOGRAM: &str = "label_hist";
/// How the term is reported.
const FAIRNESS: &str = "fairness";
const QUANTILE: f64 = 0.8;
const LARGEST_THRESHOLD: f32 = 0.95;

/// Keeps a face if `max p >= τ p̃_c / max_k p̃_k` for its class c.
///
/// τ is the running mean of the confidences and p̃ that of the predictions; both, and the histogram
/// h̃ of the pseudo-labels, start at 1/C and are updated before the mask.
#[derive(Clone, Debug)]
pub struct SelfAdaptive {
    config: SelfAdaptiveConfig,
    global: f32,
    average: Vec<f32>,
    histogram: Vec<f32>,
}

impl SelfAdaptive {
    /// For that many classes.
    ///
    /// # Errors
    /// When the momentum is outside `[0, 1)`, the fairness term's weight is negative or not a number,
    /// or there are fewer than 2 classes.
    pub fn new(config: SelfAdaptiveConfig, num_classes: usize) -> Result<Self> {
        bounds::share_below_one("momentum", config.momentum)?;
        bounds::not_negative("fairness", config.fairness)?;
        if num_classes < 2 {
            return Err(Error::NumClasses { num_classes }.into());
        }
        let start = 1. / num_classes as f32;
        Ok(Self {
            config,
            global: start,
            average: vec![start; num_classes],
            histogram: vec![start; num_classes],
        })
    }

    /// The running mean of the predictions p̃.
    pub fn average(&self) -> &[f32] {
        &self.average
    }

    /// The running histogram of the pseudo-labels h̃.
    pub fn histogram(&self) -> &[f32] {
        &self.histogram
    }

    /// τ p̃_c / max_k p̃_k for each class c.
    fn class_thresholds(&self) -> Vec<f32> {
        let largest = self.average.iter().copied().fold(f32::MIN, f32::max);
        let shares = self.average.iter().map(|average| average / largest);
        shares.map(|share| self.global * share).collect()
    }

    fn mix(&self, old: f32, new: f32) -> f32 {
        let momentum = self.config.momentum;
        old * momentum as f32 + (1. - momentum) as f32 * new
    }

    fn update(&mut self, faces: &[(usize, f32)], mean: &[f32]) {
        let confidences: Vec<f32> = faces.iter().map(|&(_, confidence)| confidence).collect();
        let level = match self.config.quantile {
            true => quantile(confidences, QUANTILE),
            false => confidences.iter().sum::<f32>() / faces.len() as f32,
        };
        self.global = self.mix(self.global, level);
        if self.config.clip {
            self.global = self.global.clamp(0., LARGEST_THRESHOLD);
        }
        let mut counts = vec![0f32; self.histogram.len()];
        for &(class, _) in faces {
            counts[class] += 1. / faces.len() as f32;
        }
        self.average = mixed(self, &self.average, mean);
        self.histogram = mixed(self, &self.histogram, &counts);
    }
}

fn mixed(selector: &SelfAdaptive, old: &[f32], new: &[f32]) -> Vec<f32> {
    let pairs = old.iter().zip(new);
    pairs.map(|(&old, &new)| selector.mix(old, new)).collect()
}

/// With linear interpolation between the two nearest values, as PyTorch's.
fn quantile(mut values: Vec<f32>, share: f64) -> f32 {
    values.sort_by(f32::total_cmp);
    let place = share * (values.len() - 1) as f64;
    let (low, high) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    low + (high - low) * place.fract() as f32
}

impl Selector for SelfAdaptive {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        labels.expect_classes(self.average.len())?;
        let faces = on_host(labels)?;
        let probs = labels.probs.tensor();
        let mean = probs.mean(0)?.to_device(&Device::Cpu)?;
        self.update(&faces, &mean.to_dtype(DType::F32)?.to_vec1()?);
        let thresholds = self.class_thresholds();
        let passes = |&(class, confidence): &(usize, f32)| {
            f32::from(u8::from(confidence >= thresholds[class]))
        };
        super::weights(faces.iter().map(passes).collect(), labels)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(Some(Tensor::new(self.class_thresholds(), &Device::Cpu)?))
    }

    /// The [`fairness`] of the strong view's predictions, with averages that saw this step already.
    fn regularize(&self, strong: &Logits, weights: &Tensor) -> Result<Option<Penalty>> {
        if self.config.fairness == 0. {
            return Ok(None);
        }
        let loss = fairness(strong, weights, &self.average, &self.histogram)?;
        Ok(loss.map(|loss| Penalty {
            name: FAIRNESS,
            loss,
            weight: self.config.fairness,
        }))
    }
}

impl Stateful for SelfAdaptive {
    fn state(&self) -> Result<State> {
        let device = &Device::Cpu;
        let entry = |name: &str, values: &[f32]| -> Result<(String, Tensor)> {
            Ok((name.to_owned(), Tensor::new(values, device)?))
        };
        Ok(State::from([
            entry(GLOBAL, &[self.global])?,
            entry(AVERAGE, &self.average)?,
            entry(HISTOGRAM, &self.histogram)?,
        ]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let classes = self.average.len();
        let entry = |name: &str, count: usize| -> Result<Vec<f32>> {
            Ok(state_entry(state, name, &[count])?.to_vec1()?)
        };
        let (global, average) = (entry(GLOBAL, 1)?[0], entry(AVERAGE, classes)?);
        self.histogram = entry(HISTOGRAM, classes)?;
        self.average = average;
        self.global = global;
        Ok(())
    }
}

/// FreeMatch's fairness term (scalar), to be added to the loss; it is negative.
///
/// With the strong predictions q of the kept faces, their mean `q̄` and the histogram ĥ of their
/// classes: `Σ_c a_c ln(b_c + 1e-12)`, `a = norm(p̃ / h̃)`, `b = norm(q̄ / ĥ)` where classes that do not
/// occur in h̃ or ĥ count 0, and so does a ratio that is no number any more. Minimizing it rewards diverse
/// predictions. `None` if no face is kept.
///
/// # Errors
/// [`Error::Shape`] when the predictions are of other classes than the averages; those of candle.
pub fn fairness(
    strong: &Logits,
    mask: &Tensor,
    average: &[f32],
    histogram: &[f32],
) -> Result<Option<Tensor>> {
    let host = mask
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F32)?
        .to_vec1::<f32>()?;
    let kept = (0u32..).zip(host).filter(|(_, weight)| *weight > 0.);
    let kept: Vec<u32> = kept.map(|(row, _)| row).collect();
    if kept.is_empty() {
        return Ok(None);
    }
    let logits = strong.tensor();
    for classes in [average.len(), histogram.len()] {
        expect_classes("predictions of strong views", logits, classes)?;
    }
    let kept = Tensor::new(kept, logits.device())?;
    let probs = candle_nn::ops::softmax(&logits.index_select(&kept, 0)?, D::Minus1)?;
    let classes = probs.argmax(1)?.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
    let mut counts = vec![0f32; average.len()];
    for &class in &classes {
        counts[class as usize] += 1. / classes.len() as f32;
    }
    let on_device = |values: Vec<f32>| -> Result<Tensor> {
        let values = Tensor::new(values, logits.device())?;
        Ok(values.to_dtype(logits.dtype())?)
    };
    let expected = average.iter().zip(histogram);
    let expected = expected.map(|(p, h)| finite(p * inverse(*h)));
    let expected = on_device(shares(expected.collect()))?;
    let inverse_counts = on_device(counts.into_iter().map(inverse).collect())?;
    let found = normalized(&(probs.mean(0)? * inverse_counts)?)?;
    Ok(Some((expected * (found + 1e-12)?.log()?)?.sum_all()?))
}

/// Multiplied by the momentum at each step, the share of a class that is never predicted soon has no inverse in f32.
fn inverse(value: f32) -> f32 {
    finite(1. / value)
}

/// 0 in place of what is no number, as in USB.
fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0. }
}

/// Divided by their sum, which may be larger than the values' type.
fn shares(values: Vec<f32>) -> Vec<f32> {
    let sum: f64 = values.iter().copied().map(f64::from).sum();
    let share = |value: f32| (f64::from(value) / sum) as f32;
    match sum > 0. {
        true => values.into_iter().map(share).collect(),
        false => values,
    }
}

fn normalized(values: &Tensor) -> Result<Tensor> {
    Ok(values.broadcast_div(&values.sum_all()?)?)
}
