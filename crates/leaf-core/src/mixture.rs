//! The mixture of experts: LEAF's aggregation.
//!
//! The gate weighs what the experts separated, the expression in a face against what has nothing to
//! do with it, and fuses it again. Source: arXiv 2404.15041, semantic and instance levels.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::{
    Aggregated, Aggregator, Combine, ExpertBank, ExpertKind, Experts, Gate, Mode, NoiseSource,
    NoisyTopK, NoisyTopKConfig, Result, balance_loss, expert_bank, noisy_top_k,
};

/// The configuration of a [`MixtureOfExperts`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MixtureConfig {
    /// The gate, with the number of experts and how many a row keeps.
    pub gate: NoisyTopKConfig,
    /// Which network an expert is.
    pub expert: ExpertKind,
    /// Whether all experts share one expert's weights, as in the released code.
    pub tied: bool,
    /// Whether a residual expert starts as the identity.
    pub zero_init: bool,
    /// How the kept experts' answers become one.
    pub combine: Combine,
}

impl Default for MixtureConfig {
    /// Distinct residual experts that start as the identity, as in
    /// [`LeafConfig::robust`](crate::LeafConfig::robust).
    fn default() -> Self {
        Self {
            gate: NoisyTopKConfig::default(),
            expert: ExpertKind::ResidualMlp { hidden: None },
            tied: false,
            zero_init: true,
            combine: Combine::WeightedSum,
        }
    }
}

impl MixtureConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        if let ExpertKind::ResidualMlp { hidden: Some(0) } = self.expert {
            return Err(crate::Error::Zero { field: "hidden" });
        }
        self.gate.check()
    }
}

/// A gate and its experts: `y = combine_{e kept} (g_e(x), E_e(x))`, `(N, D)` to `(N, D)`.
///
/// It is an [`Aggregator`] and a [`candle_nn::ModuleT`]. Gate and experts can be replaced by one's own.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Aggregator, MixtureConfig, Mode, NoiseSource, Parameters, Random, mixture_of_experts};
///
/// # fn main() -> leaf_core::Result<()> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let noise = NoiseSource::new(Random::new(0));
/// let mixture = mixture_of_experts(16, &MixtureConfig::default(), vb, noise)?;
///
/// let features = Tensor::ones((5, 16), DType::F32, &Device::Cpu)?;
/// let aggregated = mixture.aggregate(&features, Mode::Train)?;
/// assert_eq!(aggregated.output.dims(), [5, 16]);
/// assert_eq!(aggregated.routing[0].weights.dims(), [5, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MixtureOfExperts<G = NoisyTopK, X = ExpertBank> {
    gate: G,
    experts: X,
    combine: Combine,
}

impl<G: Gate, X: Experts> MixtureOfExperts<G, X> {
    /// From a gate and its experts.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the gate chooses from another number of experts.
    pub fn new(gate: G, experts: X, combine: Combine) -> Result<Self> {
        if gate.num_experts() != experts.num_experts() {
            return Err(crate::Error::Shape {
                what: "gate",
                expected: format!("{} experts", experts.num_experts()),
                found: vec![gate.num_experts()],
            });
        }
        Ok(Self {
            gate,
            experts,
            combine,
        })
    }

    /// What chooses.
    pub fn gate(&self) -> &G {
        &self.gate
    }
}

impl MixtureOfExperts {
    /// The same mixture by candle's operations on every device: what the fast way is compared with.
    pub fn plain(self) -> Self {
        Self {
            gate: self.gate.plain(),
            experts: self.experts.plain(),
            combine: self.combine,
        }
    }
}

impl<G: Gate, X: Experts> Aggregator for MixtureOfExperts<G, X> {
    fn aggregate(&self, xs: &Tensor, mode: Mode) -> Result<Aggregated> {
        if xs.dim(0)? == 0 {
            // candle's softmax refuses tensors without rows.
            return crate::Identity.aggregate(xs, mode);
        }
        let xs = &mode.view(xs);
        let routing = self.gate.route(xs, mode)?;
        let output = self.experts.fuse(xs, &routing, self.combine, mode)?;
        Ok(Aggregated {
            output,
            balance: Some(balance_loss(&routing)?),
            routing: vec![routing],
        })
    }
}

impl<G: Gate, X: Experts> candle_nn::ModuleT for MixtureOfExperts<G, X> {
    fn forward_t(&self, xs: &Tensor, train: bool) -> candle_core::Result<Tensor> {
        let mode = if train { Mode::Train } else { Mode::Eval };
        let aggregated = self.aggregate(xs, mode);
        Ok(aggregated.map_err(candle_core::Error::wrap)?.output)
    }
}

/// A [`MixtureOfExperts`] for features of width `dim`. Paths: `gate.*`, `experts.0.*`, ...
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn mixture_of_experts(
    dim: usize,
    config: &MixtureConfig,
    vb: VarBuilder,
    noise: NoiseSource,
) -> Result<MixtureOfExperts> {
    config.check()?;
    let gate = noisy_top_k(dim, &config.gate, vb.pp("gate"), noise)?;
    let experts = expert_bank(
        dim,
        config.gate.num_experts,
        config.expert,
        config.tied,
        config.zero_init,
        vb.pp("experts"),
    )?;
    MixtureOfExperts::new(gate, experts, config.combine)
}
