//! SoftMatch's truncated Gaussian weight.
//!
//! Source: H. Chen et al., "SoftMatch", ICLR 2023, equations 6 to 9.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Alignment, Error};

use super::{Selector, weights};
use crate::{
    AverageAlignment, PseudoLabels, Result, Seen, State, Stateful, part_of_state, state_entry,
};

/// Which probabilities the running mean and variance are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum StatisticsOf {
    /// The aligned ones, as USB has it.
    #[default]
    Aligned,
    /// Those before alignment, as TorchSSL has it, which made the paper's first table.
    Unaligned,
}

/// How much of the running average stays at each step where an alignment does not say so.
const ALIGNMENT_MOMENTUM: f64 = 0.999;

/// The configuration of a [`Gaussian`] selector.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct GaussianConfig {
    /// How much of the running mean and variance stays at each step (m), in `[0, 1)`.
    pub momentum: f64,
    /// How many standard deviations the weight falls over, above 0.
    pub n_sigma: f64,
    /// Whether and how predictions are aligned before they are weighed.
    #[cfg_attr(feature = "serde", serde(with = "alignment_file"))]
    pub alignment: Option<Alignment>,
    /// Which probabilities the running mean and variance are of.
    pub statistics: StatisticsOf,
}

impl Default for GaussianConfig {
    fn default() -> Self {
        Self {
            momentum: 0.999,
            n_sigma: 2.,
            alignment: Some(Alignment {
                momentum: ALIGNMENT_MOMENTUM,
                ..Alignment::default()
            }),
            statistics: StatisticsOf::Aligned,
        }
    }
}

/// Reads an alignment that is only partly there: what is missing is SoftMatch's, and not that of
/// [`Alignment::default`].
#[cfg(feature = "serde")]
mod alignment_file {
    use leaf_core::{Alignment, AlignmentTarget, switch};
    use serde::{Deserialize, Deserializer};

    pub(super) use switch::serialize;

    #[derive(Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct AlignmentFile {
        momentum: f64,
        target: AlignmentTarget,
    }

    impl Default for AlignmentFile {
        fn default() -> Self {
            Self {
                momentum: super::ALIGNMENT_MOMENTUM,
                target: AlignmentTarget::default(),
            }
        }
    }

    pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<Option<Alignment>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let file: Option<AlignmentFile> = switch::deserialize(deserializer)?;
        Ok(file.map(|AlignmentFile { momentum, target }| Alignment { momentum, target }))
    }
}

/// The saved entries.
const MEAN: &str = "mu";
const VARIANCE: &str = "var";
const ALIGNMENT: &str = "alignment";

/// Weighs a face by `exp(-min(c - μ, 0)² n²/(2 σ²))` for its (aligned) confidence c: 1 above the running
/// mean μ, falling below it with the running variance σ². Both are updated before the weight; they
/// start at 1/C and 1.
#[derive(Clone, Debug)]
pub struct Gaussian {
    config: GaussianConfig,
    num_classes: usize,
    alignment: Option<AverageAlignment>,
    mean: f32,
    variance: f32,
}

impl Gaussian {
    /// For that many classes.
    ///
    /// # Errors
    /// When a setting is out of its bounds.
    pub fn new(config: GaussianConfig, num_classes: usize) -> Result<Self> {
        for (field, value, holds, expected) in [
            (
                "momentum",
                config.momentum,
                (0. ..1.).contains(&config.momentum),
                "0 or more and less than 1",
            ),
            (
                "n_sigma",
                config.n_sigma,
                config.n_sigma.is_finite() && config.n_sigma > 0.,
                "more than 0",
            ),
        ] {
            if !holds {
                return Err(Error::OutOfRange {
                    field,
                    value,
                    expected,
                }
                .into());
            }
        }
        let alignment = config.alignment.as_ref();
        let alignment = alignment.map(|alignment| AverageAlignment::new(alignment, num_classes));
        Ok(Self {
            alignment: alignment.transpose()?,
            num_classes,
            mean: 1. / num_classes.max(1) as f32,
            variance: 1.,
            config,
        })
    }

    fn weight(&self, confidence: f32) -> f32 {
        if confidence >= self.mean {
            return 1.;
        }
        // Without any spread what is below the mean is infinitely far from it.
        if self.variance == 0. {
            return 0.;
        }
        let spread = 2. * self.variance / (self.config.n_sigma * self.config.n_sigma) as f32;
        let below = confidence - self.mean;
        (-(below * below) / spread).exp()
    }

    fn update(&mut self, confidences: &[f32]) {
        let count = confidences.len() as f32;
        let mean = confidences.iter().sum::<f32>() / count;
        let squares = confidences.iter().map(|c| (c - mean) * (c - mean));
        let momentum = self.config.momentum;
        let (kept, new) = (momentum as f32, (1. - momentum) as f32);
        self.mean = kept * self.mean + new * mean;
        // One face has no spread: the variance stays.
        if confidences.len() > 1 {
            let variance = squares.sum::<f32>() / (count - 1.);
            self.variance = kept * self.variance + new * variance;
        }
    }
}

fn on_host(confidence: &Tensor) -> Result<Vec<f32>> {
    let confidence = confidence.to_device(&Device::Cpu)?;
    Ok(confidence.to_dtype(DType::F32)?.to_vec1()?)
}

impl Selector for Gaussian {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        labels.expect_classes(self.num_classes)?;
        let unaligned = on_host(&labels.confidence)?;
        let confidences = match &mut self.alignment {
            Some(alignment) => on_host(&alignment.align(&labels.probs)?.confidence()?)?,
            None => unaligned.clone(),
        };
        self.update(match self.config.statistics {
            StatisticsOf::Aligned => &confidences,
            StatisticsOf::Unaligned => &unaligned,
        });
        let faces = confidences.into_iter().map(|c| self.weight(c));
        weights(faces.collect(), labels)
    }

    /// The running mean μ, of aligned confidences if predictions are aligned.
    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(Some(Tensor::new(&[self.mean], &Device::Cpu)?))
    }
}

impl Stateful for Gaussian {
    fn state(&self) -> Result<State> {
        let device = &Device::Cpu;
        let mut state = State::from([
            (MEAN.to_owned(), Tensor::new(&[self.mean], device)?),
            (VARIANCE.to_owned(), Tensor::new(&[self.variance], device)?),
        ]);
        let entries = self.alignment.state()?.into_iter();
        state.extend(entries.map(|(name, value)| (format!("{ALIGNMENT}.{name}"), value)));
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let entry =
            |name: &str| -> Result<f32> { Ok(state_entry(state, name, &[1])?.to_vec1()?[0]) };
        let (mean, variance) = (entry(MEAN)?, entry(VARIANCE)?);
        self.alignment
            .load_state(&part_of_state(state, ALIGNMENT))?;
        self.mean = mean;
        self.variance = variance;
        Ok(())
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde::de::IntoDeserializer;
    use serde::de::value::Error;

    use super::*;

    fn read(
        alignment: &[(&'static str, &'static str)],
    ) -> std::result::Result<GaussianConfig, Error> {
        let alignment: BTreeMap<_, _> = alignment.iter().copied().collect();
        let file = BTreeMap::from([("alignment", alignment)]);
        GaussianConfig::deserialize(file.into_deserializer())
    }

    #[test]
    fn what_a_file_leaves_out_is_as_published() -> std::result::Result<(), Error> {
        let published = GaussianConfig::default();
        assert_eq!(
            published.alignment.as_ref().map(|a| a.momentum),
            Some(0.999)
        );
        assert_eq!(read(&[("target", "uniform")])?, published);
        assert_eq!(read(&[])?, published);
        let error = read(&[("momentun", "1")]).unwrap_err().to_string();
        assert!(error.contains("momentun"), "{error}");
        let off = BTreeMap::from([("alignment", "off")]);
        let off: GaussianConfig = Deserialize::deserialize(off.into_deserializer())?;
        assert_eq!(off.alignment, None);
        Ok(())
    }
}
