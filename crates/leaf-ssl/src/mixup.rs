//! Mixup: rows and their labels are averaged with those of a random partner.
//!
//! Source: H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018; one λ a batch that is
//! never below 1/2, D. Berthelot et al., "MixMatch", NeurIPS 2019, equations 8 to 11.

use candle_core::{Device, Tensor};
use leaf_core::Random;

use crate::beta::beta;
use crate::{Error, Probs, Result, Step, bounds};

/// Images with soft labels, row by row.
#[derive(Clone, Debug)]
pub struct SoftRows {
    /// `(N, channels, height, width)`.
    pub images: Tensor,
    /// `(N, C)`.
    pub labels: Probs,
}

/// `x' = λ x + (1 - λ) x[π]` and the same for labels, with `λ ~ Beta(α, α)`, `λ <- max(λ, 1 - λ)`, and
/// a permutation π of all rows; one of each a step.
///
/// Both depend on the seed and the step alone, so that there is no state to keep.
#[derive(Clone, Debug)]
pub struct Mixup {
    alpha: f64,
    random: Random,
}

impl Mixup {
    /// With α of 0 or more; 0 mixes nothing (λ = 1).
    ///
    /// # Errors
    /// When α is negative or not a number.
    pub fn new(alpha: f64, random: Random) -> Result<Self> {
        bounds::not_negative("alpha", alpha)?;
        Ok(Self { alpha, random })
    }

    /// A step's λ and partners, for that many rows.
    pub fn draw(&self, rows: usize, step: Step) -> Mix {
        let mut random = self.random.split_index(step.index as u64);
        let lambda = match self.alpha {
            0. => 1.,
            alpha => beta(&mut random, alpha, alpha),
        };
        let mut partners: Vec<u32> = (0u32..).take(rows).collect();
        random.shuffle(&mut partners);
        Mix {
            lambda: lambda.max(1. - lambda),
            partners,
        }
    }

    /// Several parts, mixed as if they were one below the other; each keeps its number of rows. No
    /// gradient goes through.
    ///
    /// # Errors
    /// [`Error::Rows`] if a part has other images than labels; those of candle if the parts' shapes
    /// differ.
    pub fn mixed(&self, parts: &[SoftRows], step: Step) -> Result<Vec<SoftRows>> {
        let mut counts = Vec::with_capacity(parts.len());
        for part in parts {
            counts.push(part.rows()?);
        }
        let mix = self.draw(counts.iter().sum(), step);
        let images: Vec<&Tensor> = parts.iter().map(|part| &part.images).collect();
        let labels: Vec<&Tensor> = parts.iter().map(|part| part.labels.tensor()).collect();
        let images = mix.rows(&Tensor::cat(&images, 0)?)?;
        let labels = mix.rows(&Tensor::cat(&labels, 0)?)?;
        let mut start = 0;
        let mut mixed = Vec::with_capacity(counts.len());
        for count in counts {
            mixed.push(SoftRows {
                images: images.narrow(0, start, count)?,
                labels: Probs::new(labels.narrow(0, start, count)?)?,
            });
            start += count;
        }
        Ok(mixed)
    }
}

impl SoftRows {
    fn rows(&self) -> Result<usize> {
        let (expected, found) = (self.images.dim(0)?, self.labels.tensor().dim(0)?);
        if expected == found {
            return Ok(found);
        }
        Err(Error::Rows {
            what: "soft labels",
            expected,
            found,
        })
    }
}

/// What one step's rows are mixed with, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Mix {
    lambda: f64,
    partners: Vec<u32>,
}

impl Mix {
    /// How much of itself each row keeps (λ), in `[1/2, 1]`.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Each row's partner (π).
    pub fn partners(&self) -> &[u32] {
        &self.partners
    }

    /// `λ x + (1 - λ) x[π]` of rows `(N, ...)`, without gradient.
    ///
    /// # Errors
    /// Those of candle, if there are other than N rows.
    pub fn rows(&self, rows: &Tensor) -> Result<Tensor> {
        let rows = rows.detach();
        let partners = Tensor::new(self.partners.as_slice(), &Device::Cpu)?;
        let others = rows.index_select(&partners.to_device(rows.device())?, 0)?;
        Ok(((rows * self.lambda)? + (others * (1. - self.lambda))?)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Var};
    use leaf_testkit::entries;
    use proptest::prelude::*;

    use super::*;
    use crate::Logits;

    fn mixup(alpha: f64, seed: u64) -> Mixup {
        Mixup::new(alpha, Random::new(seed)).expect("a valid alpha")
    }

    fn normal(random: &mut Random, shape: &[usize]) -> Result<Tensor> {
        Ok(random.normal_tensor(0., 1., shape, DType::F64, &Device::Cpu)?)
    }

    fn part(seed: u64, rows: usize) -> Result<SoftRows> {
        let mut random = Random::new(seed);
        Ok(SoftRows {
            images: normal(&mut random, &[rows, 1, 2, 2])?,
            labels: Logits::new(normal(&mut random, &[rows, 5])?)?.probs()?,
        })
    }

    proptest! {
        #[test]
        fn lambda_is_at_least_a_half_and_partners_are_a_permutation(
            alpha in 0f64..20., seed: u64, step in 0usize..1_000_000, rows in 1usize..50,
        ) {
            let mixup = mixup(alpha, seed);
            let mix = mixup.draw(rows, Step::new(step, 1_000_000));
            prop_assert!((0.5..=1.).contains(&mix.lambda()));
            let mut partners = mix.partners().to_vec();
            partners.sort_unstable();
            prop_assert_eq!(partners, (0..rows as u32).collect::<Vec<_>>());
            prop_assert_eq!(mixup.draw(rows, Step::new(step, 7)), mix);
        }

        #[test]
        fn labels_still_sum_to_1_and_nothing_is_lost(alpha in 0f64..20., seed: u64, step in 0usize..99) {
            let parts = [part(seed, 3)?, part(seed ^ 1, 7)?];
            let mixup = mixup(alpha, seed);
            let step = Step::new(step, 99);
            let mixed = mixup.mixed(&parts, step)?;
            for (part, mixed) in parts.iter().zip(&mixed) {
                prop_assert_eq!(part.images.dims(), mixed.images.dims());
                for row in mixed.labels.tensor().to_vec2::<f64>().map_err(Error::from)? {
                    prop_assert!((row.iter().sum::<f64>() - 1.).abs() < 1e-12);
                }
            }
            // Each row is taken once as itself and once as a partner.
            let sum = |parts: &[SoftRows]| -> Result<f64> {
                let sums = parts.iter().map(|part| Ok(entries(&part.images)?.iter().sum::<f64>()));
                sums.sum::<Result<f64>>()
            };
            prop_assert!((sum(&parts)? - sum(&mixed)?).abs() < 1e-9);
            let again = mixup.mixed(&parts, step)?;
            prop_assert_eq!(
                entries(&again[1].images).map_err(Error::from)?,
                entries(&mixed[1].images).map_err(Error::from)?
            );
        }
    }

    #[test]
    fn images_and_labels_are_mixed_alike() -> Result<()> {
        let parts = [part(1, 2)?, part(2, 3)?];
        let mixup = mixup(0.75, 8);
        let step = Step::new(4, 10);
        let mix = mixup.draw(5, step);
        let (lambda, partners) = (mix.lambda(), mix.partners());
        let mixed = mixup.mixed(&parts, step)?;
        let all = |rows: &[SoftRows], of: fn(&SoftRows) -> &Tensor| -> Result<Vec<Vec<f64>>> {
            let tensors: Vec<&Tensor> = rows.iter().map(of).collect();
            Ok(Tensor::cat(&tensors, 0)?.flatten_from(1)?.to_vec2()?)
        };
        for of in [(|part| &part.images) as fn(&SoftRows) -> &Tensor, |part| {
            part.labels.tensor()
        }] {
            let (before, after) = (all(&parts, of)?, all(&mixed, of)?);
            for (row, mixed) in after.iter().enumerate() {
                let partner = &before[partners[row] as usize];
                for ((own, other), found) in before[row].iter().zip(partner).zip(mixed) {
                    assert_eq!(*found, own * lambda + other * (1. - lambda));
                }
            }
        }
        Ok(())
    }

    #[test]
    fn steps_and_seeds_differ_and_alpha_0_mixes_nothing() -> Result<()> {
        let at = |seed, step| mixup(0.5, seed).draw(40, Step::new(step, 100));
        assert_ne!(at(1, 0), at(1, 1));
        assert_ne!(at(1, 0), at(2, 0));
        let part = part(3, 6)?;
        let same = mixup(0., 1).mixed(std::slice::from_ref(&part), Step::new(0, 1))?;
        assert_eq!(entries(&same[0].images)?, entries(&part.images)?);
        Ok(())
    }

    #[test]
    fn no_gradient_goes_through() -> Result<()> {
        let images = Var::from_tensor(&part(3, 6)?.images)?;
        let mix = mixup(0.5, 1).draw(6, Step::new(0, 1));
        assert!(!mix.rows(images.as_tensor())?.track_op());
        Ok(())
    }

    #[test]
    fn wrong_alphas_and_rows_are_refused() -> Result<()> {
        for alpha in [-0.5, f64::NAN, f64::INFINITY] {
            let error = Mixup::new(alpha, Random::new(0)).unwrap_err().to_string();
            assert_eq!(error, format!("alpha = {alpha}, expected 0 or more"));
        }
        let wrong = SoftRows {
            images: part(1, 3)?.images,
            labels: part(1, 2)?.labels,
        };
        let error = mixup(1., 0).mixed(&[wrong], Step::new(0, 1)).unwrap_err();
        assert_eq!(error.to_string(), "the batch has 2 soft labels, expected 3");
        Ok(())
    }
}
