//! The category level: which classes an ambiguous face may belong to.

use candle_core::{DType, Tensor};
use candle_nn::ops::softmax;

use crate::bounds::{positive, share};
use crate::cross_entropy::rows_and_classes;
use crate::ranking::descending;
use crate::{Error, Result};

/// How much a face counts, given its probabilities.
///
/// With n positive classes, `a` the mean of the n + 1 largest probabilities and `b` the (n + 1)-th:
/// near 1 for a clear gap after the positives, 0 for a flat prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum SetWeighting {
    /// `(a - b) / a`.
    #[default]
    Linear,
    /// `(a - b) / (a + b)`.
    Convex,
    /// `ln(1 + 50 (a - b)) / ln(1 + 50 a)`.
    Concave,
    /// 1 for every face.
    None,
}

/// The configuration of [`CategoryDecoupling`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DecouplingConfig {
    /// The largest number of positive classes (K), 1 to C - 1.
    pub max_positives: usize,
    /// The cumulated probability (θ) in (0, 1] that ends the set.
    pub threshold: f64,
    /// How much a face counts.
    pub weighting: SetWeighting,
    /// What the weak prediction's logits are divided by (T): above 1 softens an over-confident teacher.
    pub teacher_temperature: f64,
}

impl Default for DecouplingConfig {
    /// As in [`LeafConfig::robust`](crate::LeafConfig::robust).
    fn default() -> Self {
        Self {
            max_positives: 3,
            threshold: 0.9,
            weighting: SetWeighting::Linear,
            teacher_temperature: 2.,
        }
    }
}

impl DecouplingConfig {
    /// Checks every rule for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self, num_classes: usize) -> Result<()> {
        let max_positives = self.max_positives;
        if max_positives == 0 || max_positives >= num_classes {
            return Err(Error::MaxPositives {
                max_positives,
                num_classes,
            });
        }
        positive("decoupling.threshold", self.threshold)?;
        share("decoupling.threshold", self.threshold)?;
        positive("decoupling.teacher_temperature", self.teacher_temperature)
    }
}

/// Positive and negative classes of N faces; no gradient.
#[derive(Clone, Debug)]
pub struct LabelSets {
    /// 1 for a positive class, 0 for a negative one `(N, C)`, u8.
    pub positive: Tensor,
    /// How many classes are positive `(N,)`.
    pub count: Tensor,
    /// How much each face counts, in `[0, 1]` `(N,)`.
    pub weight: Tensor,
}

/// Splits the classes of each face into positive and negative ones.
///
/// With probabilities `q` sorted downwards and their cumulated sums `S`, the positive classes are the
/// first n, where n is the smallest j in `1..=K` with `S_{j+1} >= θ`, or K if there is none. The rule
/// looks one class ahead of the set, so that a prediction whose two largest probabilities sum to θ
/// has one positive class. Ties keep the lower class.
///
/// Source: arXiv 2404.15041, category level; the rule is that of FPL (CVPR 2023).
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_core::{CategoryDecoupling, DecouplingConfig};
///
/// # fn main() -> leaf_core::Result<()> {
/// let config = DecouplingConfig { teacher_temperature: 1., ..Default::default() };
/// let decoupling = CategoryDecoupling::new(config, 4)?;
/// let probs = Tensor::new(&[[0.92f32, 0.05, 0.02, 0.01], [0.45, 0.40, 0.10, 0.05]], &Device::Cpu)?;
/// let sets = decoupling.decouple(&probs)?;
/// assert_eq!(sets.positive.to_vec2::<u8>()?, [[1, 0, 0, 0], [1, 1, 0, 0]]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryDecoupling {
    config: DecouplingConfig,
}

/// Probabilities this small are as good as none; their logarithm must stay finite.
const SMALLEST_PROBABILITY: f64 = 1e-8;

impl CategoryDecoupling {
    /// For that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(config: DecouplingConfig, num_classes: usize) -> Result<Self> {
        config.check(num_classes)?;
        Ok(Self { config })
    }

    /// The sets of weak predictions `(N, C)`, given as probabilities (aligned, if the caller aligns).
    ///
    /// # Errors
    /// [`Error::Shape`] unless they are `(N, C)` with more than `max_positives` classes.
    pub fn decouple(&self, weak_probs: &Tensor) -> Result<LabelSets> {
        let (rows, classes) = rows_and_classes(weak_probs)?;
        if classes <= self.config.max_positives {
            return Err(Error::MaxPositives {
                max_positives: self.config.max_positives,
                num_classes: classes,
            });
        }
        let probs = weak_probs.detach();
        if rows == 0 {
            return Ok(LabelSets {
                positive: probs.to_dtype(DType::U8)?,
                count: probs.sum(1)?,
                weight: probs.sum(1)?,
            });
        }
        let probs = self.soften(&probs)?.contiguous()?;
        let order = descending(&probs)?;
        let sorted = probs.gather(&order, 1)?;
        let cumulated = sorted.cumsum(1)?;
        let count = self.positives(&cumulated)?;
        Ok(LabelSets {
            positive: first_ranks(&order, &count)?,
            weight: self.weight(&sorted, &cumulated, &count)?,
            count: count.squeeze(1)?.to_dtype(probs.dtype())?,
        })
    }

    /// `softmax(ln p / T)`.
    fn soften(&self, probs: &Tensor) -> Result<Tensor> {
        if self.config.teacher_temperature == 1. {
            return Ok(probs.clone());
        }
        let logits = probs.maximum(SMALLEST_PROBABILITY)?.log()?;
        Ok(softmax(&(logits / self.config.teacher_temperature)?, 1)?)
    }

    /// n for each row `(N, 1)`, u32: 1 and one more for each set before K that falls short of θ.
    fn positives(&self, cumulated: &Tensor) -> Result<Tensor> {
        let rows = cumulated.dim(0)?;
        let ones = Tensor::ones((rows, 1), DType::U32, cumulated.device())?;
        if self.config.max_positives == 1 {
            return Ok(ones);
        }
        let looked_at = cumulated.narrow(1, 1, self.config.max_positives - 1)?;
        let short = looked_at.lt(self.config.threshold)?;
        let short = short.to_dtype(DType::U32)?.sum_keepdim(1)?;
        Ok((ones + short)?)
    }

    fn weight(&self, sorted: &Tensor, cumulated: &Tensor, count: &Tensor) -> Result<Tensor> {
        let size = (count.to_dtype(sorted.dtype())? + 1.)?;
        let a = (cumulated.gather(count, 1)? / size)?;
        let b = sorted.gather(count, 1)?;
        let gap = (&a - &b)?;
        let weight = match self.config.weighting {
            SetWeighting::Linear => (gap / a)?,
            SetWeighting::Convex => (gap / (a + b)?)?,
            SetWeighting::Concave => (ln_1_plus_50(&gap)? / ln_1_plus_50(&a)?)?,
            SetWeighting::None => b.ones_like()?,
        };
        // Rounding can leave a flat prediction a little below 0.
        Ok(weight.clamp(0., 1.)?.squeeze(1)?)
    }
}

fn ln_1_plus_50(xs: &Tensor) -> Result<Tensor> {
    Ok(((xs * 50.)? + 1.)?.log()?)
}

/// 1 for the classes that `order` ranks before `count` `(N, 1)`, else 0.
fn first_ranks(order: &Tensor, count: &Tensor) -> Result<Tensor> {
    let classes = order.dim(1)? as u32;
    let ranks = Tensor::arange(0, classes, order.device())?.unsqueeze(0)?;
    // Metal scatters no bytes, so the sets are bytes only at the end.
    let inside = ranks.broadcast_lt(count)?.to_dtype(DType::U32)?;
    let sets = order.zeros_like()?.scatter(order, &inside, 1)?;
    Ok(sets.to_dtype(DType::U8)?)
}
