//! The category level: which classes an ambiguous face may belong to.

use candle_core::Tensor;

use crate::bounds::{positive, share};
use crate::cross_entropy::rows_and_classes;
use crate::fast::Prediction;
use crate::{Error, Result, fast, plain};

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
            teacher_temperature: 1.,
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
pub(crate) const SMALLEST_PROBABILITY: f64 = 1e-8;

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
        self.of(weak_probs, Prediction::Probabilities)
    }

    /// The sets of weak predictions `(N, C)`, given as scores: those of `softmax(z)`, which is never written.
    ///
    /// # Errors
    /// Those of [`decouple`](Self::decouple).
    pub fn decouple_logits(&self, weak_logits: &Tensor) -> Result<LabelSets> {
        self.of(weak_logits, Prediction::Logits)
    }

    fn of(&self, weak: &Tensor, given: Prediction) -> Result<LabelSets> {
        let (_, classes) = rows_and_classes(weak)?;
        if classes <= self.config.max_positives {
            return Err(Error::MaxPositives {
                max_positives: self.config.max_positives,
                num_classes: classes,
            });
        }
        match (fast::decouple(weak, given, &self.config)?, given) {
            (Some(sets), _) => Ok(sets),
            (None, Prediction::Logits) => plain::decouple_logits(weak, &self.config),
            (None, Prediction::Probabilities) => plain::decouple(weak, &self.config),
        }
    }
}
