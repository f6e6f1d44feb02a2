//! The sparse gate of the mixture: a few experts a row, chosen by noisy scores.
//!
//! Source: N. Shazeer et al., "Outrageously large neural networks: the sparsely-gated
//! mixture-of-experts layer", ICLR 2017, equations 3 to 5 and appendix A (load).

use candle_core::{D, Tensor};
use candle_nn::ops::softmax;
use candle_nn::{Init, VarBuilder};

use crate::bounds::{not_negative, positive};
use crate::ranking::descending;
use crate::routing::dense;
use crate::{Error, Gate, Mode, NoiseSource, Result, Routing, fast, softplus};

/// How the kept scores become weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum GateWeighting {
    /// Softmax over the kept scores: the weights sum to 1. With k = 1 the weight is the constant 1
    /// and the gate gets no gradient from the task.
    #[default]
    TopKSoftmax,
    /// Softmax over all scores, of which the kept entries are used as they are: the weights sum to
    /// less than 1, so the output shrinks.
    SoftmaxTopK,
}

/// The configuration of a [`NoisyTopK`] gate.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct NoisyTopKConfig {
    /// How many experts there are (E).
    pub num_experts: usize,
    /// How many a row keeps (k), 1 to E.
    pub k: usize,
    /// How the kept scores become weights.
    pub weighting: GateWeighting,
    /// Whether scores are noisy where gradients flow.
    pub noise: bool,
    /// The smallest standard deviation of the noise, above 0.
    pub noise_epsilon: f64,
    /// The standard deviation of the gate's initial weights; 0 starts all experts equal.
    pub init_std: f64,
}

impl Default for NoisyTopKConfig {
    /// Two of four experts, noisy, as in [`LeafConfig::robust`](crate::LeafConfig::robust).
    fn default() -> Self {
        Self {
            num_experts: 4,
            k: 2,
            weighting: GateWeighting::TopKSoftmax,
            noise: true,
            noise_epsilon: 1e-2,
            init_std: 0.1,
        }
    }
}

/// More experts than this are a slip of the hand, and would not fit into memory.
const MOST_EXPERTS: usize = 4096;

impl NoisyTopKConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        let (k, num_experts) = (self.k, self.num_experts);
        if num_experts == 0 {
            return Err(Error::Zero {
                field: "num_experts",
            });
        }
        if num_experts > MOST_EXPERTS {
            return Err(Error::OutOfRange {
                field: "num_experts",
                value: num_experts as f64,
                expected: "1 to 4096",
            });
        }
        if k == 0 || k > num_experts {
            return Err(Error::KeptExperts { k, num_experts });
        }
        positive("noise_epsilon", self.noise_epsilon)?;
        not_negative("init_std", self.init_std)
    }
}

/// Keeps the k experts with the largest noisy scores.
///
/// With features `x (N, D)`, clean scores `c = x W_g`, noise `ε ~ N(0, 1)` and
/// `σ = softplus(x W_n) + noise_epsilon`, the scores are `h = c + ε σ` where gradients flow and
/// `h = c` elsewhere; a row keeps its k largest.
///
/// The load that is reported in training is the expected number of rows: an expert's chance to be
/// kept if its own noise were drawn anew, `Φ((c - t)/σ)`, where t is the score that it has to beat.
#[derive(Clone, Debug)]
pub struct NoisyTopK {
    w_gate: Tensor,
    w_noise: Option<Tensor>,
    config: NoisyTopKConfig,
    noise: NoiseSource,
    is_plain: bool,
}

/// Scores of one pass, and what the noise's spread was if there was any.
struct Scores {
    clean: Tensor,
    scores: Tensor,
    spread: Option<Tensor>,
}

impl NoisyTopK {
    /// From weights `W_g` and, if the configuration asks for noise, `W_n`, both `(D, E)`.
    ///
    /// # Errors
    /// When the configuration breaks a rule or a weight's shape does not fit it.
    pub fn new(
        w_gate: Tensor,
        w_noise: Option<Tensor>,
        config: NoisyTopKConfig,
        noise: NoiseSource,
    ) -> Result<Self> {
        config.check()?;
        let (dim, _) = w_gate.dims2()?;
        for weight in [Some(&w_gate), w_noise.as_ref()].into_iter().flatten() {
            if weight.dims() != [dim, config.num_experts] {
                return Err(Error::Shape {
                    what: "gate weight",
                    expected: format!("({dim}, {})", config.num_experts),
                    found: weight.dims().to_vec(),
                });
            }
        }
        if config.noise && w_noise.is_none() {
            return Err(Error::MissingParameter {
                name: "w_noise".to_owned(),
            });
        }
        Ok(Self {
            w_gate,
            w_noise,
            config,
            noise,
            is_plain: false,
        })
    }

    /// The same gate by candle's operations on every device: what the fast way is compared with.
    pub fn plain(self) -> Self {
        Self {
            is_plain: true,
            ..self
        }
    }

    /// `W_n` and noise `(N, E)` for a pass that has any.
    fn noise(&self, xs: &Tensor, mode: Mode) -> Result<Option<(&Tensor, Tensor)>> {
        let w_noise = match &self.w_noise {
            Some(w_noise) if self.config.noise && mode.is_train() => w_noise,
            _ => return Ok(None),
        };
        let dims = [xs.dim(0)?, self.config.num_experts];
        let noise = self.noise.normal(&dims, xs.dtype(), xs.device())?;
        Ok(Some((w_noise, noise)))
    }

    fn scores(
        &self,
        xs: &Tensor,
        w_gate: &Tensor,
        noisy: Option<(&Tensor, &Tensor)>,
    ) -> Result<Scores> {
        let clean = xs.matmul(w_gate)?;
        let Some((w_noise, noise)) = noisy else {
            return Ok(Scores {
                scores: clean.clone(),
                clean,
                spread: None,
            });
        };
        let spread = (softplus(&xs.matmul(w_noise)?)? + self.config.noise_epsilon)?;
        Ok(Scores {
            scores: (&clean + (&spread * noise)?)?,
            clean,
            spread: Some(spread),
        })
    }

    /// The kept scores' weights `(N, k)`.
    fn weights(&self, scores: &Tensor, experts: &Tensor) -> Result<Tensor> {
        Ok(match self.config.weighting {
            GateWeighting::TopKSoftmax => softmax(&scores.gather(experts, 1)?, D::Minus1)?,
            GateWeighting::SoftmaxTopK => softmax(scores, D::Minus1)?.gather(experts, 1)?,
        })
    }
}

impl Gate for NoisyTopK {
    fn num_experts(&self) -> usize {
        self.config.num_experts
    }

    fn route(&self, xs: &Tensor, mode: Mode) -> Result<Routing> {
        let NoisyTopKConfig { num_experts, k, .. } = self.config;
        let (xs, w_gate) = (&mode.view(xs), &mode.view(&self.w_gate));
        let noisy = self.noise(xs, mode)?;
        let noisy = noisy.as_ref().map(|(w_noise, noise)| (*w_noise, noise));
        if !self.is_plain {
            let gated = fast::Gated {
                xs,
                w_gate,
                noisy,
                config: &self.config,
            };
            if let Some(routing) = fast::route(gated)? {
                return Ok(routing);
            }
        }
        let scores = self.scores(xs, w_gate, noisy)?;
        let order = descending(&scores.scores)?;
        let experts = order.narrow(1, 0, k)?.contiguous()?;
        let weights = self.weights(&scores.scores, &experts)?;
        let importance = dense(&weights, &experts, num_experts)?.sum(0)?;
        let load = match &scores.spread {
            Some(spread) if k < num_experts => expected_load(&scores, spread, &order, k)?,
            _ => dense(&weights.detach().ones_like()?, &experts, num_experts)?.sum(0)?,
        };
        Ok(Routing {
            weights,
            experts,
            importance,
            load,
        })
    }
}

/// `Σ_rows Φ((c - t)/σ)`: a kept expert must beat the best expert that is not kept, any other one
/// the worst that is.
fn expected_load(scores: &Scores, spread: &Tensor, order: &Tensor, k: usize) -> Result<Tensor> {
    let at_rank = |rank: usize| -> Result<Tensor> {
        let expert = order.narrow(1, rank, 1)?.contiguous()?;
        Ok(scores
            .scores
            .gather(&expert, 1)?
            .broadcast_as(spread.shape())?)
    };
    let (best_left_out, worst_kept) = (at_rank(k)?, at_rank(k - 1)?);
    let is_kept = scores.scores.gt(&best_left_out)?;
    let to_beat = is_kept.where_cond(&best_left_out, &worst_kept)?;
    let chance = normal_cdf(&((&scores.clean - to_beat)? / spread)?)?;
    Ok(chance.sum(0)?)
}

/// `Φ(z) = (1 + erf(z/√2))/2`.
fn normal_cdf(zs: &Tensor) -> Result<Tensor> {
    let erf = (zs * std::f64::consts::FRAC_1_SQRT_2)?.erf()?;
    Ok(((erf + 1.)? * 0.5)?)
}

/// A [`NoisyTopK`] gate for features of width `dim`. Paths: `w_gate`, and `w_noise` if noisy; the
/// latter starts at 0, where the noise's spread is `ln 2 + noise_epsilon`.
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn noisy_top_k(
    dim: usize,
    config: &NoisyTopKConfig,
    vb: VarBuilder,
    noise: NoiseSource,
) -> Result<NoisyTopK> {
    config.check()?;
    let shape = (dim, config.num_experts);
    let init = Init::Randn {
        mean: 0.,
        stdev: config.init_std,
    };
    let w_gate = vb.get_with_hints(shape, "w_gate", init)?;
    let w_noise = match config.noise {
        true => Some(vb.get_with_hints(shape, "w_noise", Init::Const(0.))?),
        false => None,
    };
    NoisyTopK::new(w_gate, w_noise, config.clone(), noise)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::{Parameters, Random};

    fn gate(config: &NoisyTopKConfig) -> Result<NoisyTopK> {
        let vb = Parameters::new(0).builder(DType::F64, &Device::Cpu);
        noisy_top_k(6, config, vb, NoiseSource::new(Random::new(1)))
    }

    fn features() -> Result<Tensor> {
        Random::new(2).normal_tensor(0., 1., (9, 6), DType::F64, &Device::Cpu)
    }

    #[test]
    fn ties_keep_the_lowest_numbers() -> Result<()> {
        let config = NoisyTopKConfig {
            init_std: 0.,
            ..Default::default()
        };
        let routing = gate(&config)?.route(&features()?, Mode::Eval)?;
        for row in routing.experts.to_vec2::<u32>()? {
            assert_eq!(row, [0, 1]);
        }
        Ok(())
    }

    #[test]
    fn noise_is_for_training_only() -> Result<()> {
        let gate = gate(&NoisyTopKConfig::default())?;
        let xs = features()?;
        let weights =
            |mode| -> Result<Vec<Vec<f64>>> { Ok(gate.route(&xs, mode)?.weights.to_vec2()?) };
        assert_eq!(weights(Mode::Eval)?, weights(Mode::Teacher)?);
        assert_eq!(weights(Mode::Eval)?, weights(Mode::Eval)?);
        assert_ne!(weights(Mode::Train)?, weights(Mode::Eval)?);
        assert_ne!(weights(Mode::Train)?, weights(Mode::Train)?);
        Ok(())
    }

    #[test]
    fn weights_sum_to_one_or_less() -> Result<()> {
        for (weighting, exact) in [
            (GateWeighting::TopKSoftmax, true),
            (GateWeighting::SoftmaxTopK, false),
        ] {
            let config = NoisyTopKConfig {
                weighting,
                ..Default::default()
            };
            let routing = gate(&config)?.route(&features()?, Mode::Train)?;
            for sum in routing.weights.sum(1)?.to_vec1::<f64>()? {
                assert!(if exact {
                    (sum - 1.).abs() < 1e-12
                } else {
                    sum < 1.
                });
            }
        }
        Ok(())
    }

    #[test]
    fn rules_are_checked() {
        let wrong = |change: fn(&mut NoisyTopKConfig)| {
            let mut config = NoisyTopKConfig::default();
            change(&mut config);
            gate(&config).unwrap_err().to_string()
        };
        assert_eq!(
            wrong(|c| c.k = 5),
            "k = 5 experts are kept, expected 1 to num_experts = 4"
        );
        assert_eq!(
            wrong(|c| c.num_experts = 0),
            "num_experts = 0, expected at least 1"
        );
        assert_eq!(
            wrong(|c| c.num_experts = 5000),
            "num_experts = 5000, expected 1 to 4096"
        );
        assert!(wrong(|c| c.k = 0).starts_with("k = 0"));
        assert_eq!(
            wrong(|c| c.noise_epsilon = 0.),
            "noise_epsilon = 0, expected more than 0"
        );
    }
}
