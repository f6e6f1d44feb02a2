//! LEAF's layers and losses as composable candle modules.
//!
//! LEAF (hierarchical decoupling and fusing, arXiv 2404.15041) trains facial-expression models with
//! few labels and many unlabelled faces. It works at three levels:
//!
//! 1. **Semantic**: a sparsely gated mixture of experts on the encoder's feature separates what tells
//!    the expression from what does not and fuses it again ([`MixtureOfExperts`]); what it fuses from two
//!    views of a face can be held together ([`invariance`]).
//! 2. **Instance**: a second mixture before or after the classifier ([`LeafHead`], [`Instance`]).
//! 3. **Category**: the weak view's prediction is split into positive classes, the few that reach a
//!    cumulated probability, and negative ones ([`CategoryDecoupling`]); the strong view must rank the
//!    positive above the negative ([`decoupled_consistency`]) or take probability from the negative
//!    ([`positive_set_loss`]).
//!
//! [`LeafConfig`] holds every choice; [`LeafConfig::robust`] is what was measured to work,
//! [`LeafConfig::paper`] what the paper draws, [`LeafConfig::released`] what the authors' code computes.
//!
//! # In your own model and loop
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{AdamW, Optimizer};
//! use leaf_core::{
//!     CategoryDecoupling, DecouplingConfig, LeafConfig, Mode, NoiseSource, Parameters, Random,
//!     cross_entropy, leaf_head, positive_set_loss,
//! };
//!
//! # fn main() -> leaf_core::Result<()> {
//! let device = Device::Cpu;
//! let parameters = Parameters::new(0); // seeded; candle's own VarMap works as well
//! let vb = parameters.builder(DType::F32, &device);
//! let noise = NoiseSource::new(Random::new(0));
//! let head = leaf_head(&LeafConfig::robust(), 16, 7, vb.pp("head"), &noise)?;
//! let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), 7)?;
//! let mut optimizer = AdamW::new_lr(parameters.trainable().into_values().collect(), 1e-3)?;
//!
//! // Features of your encoder: labelled faces, and a weak and a strong view of unlabelled ones.
//! let mut random = Random::new(1);
//! let mut features = |rows| random.normal_tensor(0., 1., (rows, 16), DType::F32, &device);
//! let (labeled, weak, strong) = (features(7)?, features(20)?, features(20)?);
//! let labels = Tensor::arange(0u32, 7, &device)?;
//!
//! let output = head.forward(&labeled, Mode::Train)?;
//! let weak = head.forward(&weak, Mode::Teacher)?; // no graph, no noise
//! let strong = head.forward(&strong, Mode::Train)?;
//! let sets = decoupling.decouple_logits(&weak.logits)?;
//! let unlabeled = (positive_set_loss(&strong.logits, &sets)? * &sets.weight)?.mean_all()?;
//! let supervised = cross_entropy(&output.logits, &labels)?.mean_all()?;
//! optimizer.backward_step(&(supervised + unlabeled)?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What holds everywhere
//!
//! - Losses are `(N,)`, one a row: selection and reduction are the trainer's. Balance losses come
//!   back unweighted beside the output.
//! - A pass has a [`Mode`]; only [`Mode::Train`] records a graph.
//! - Randomness is a value ([`Random`], [`NoiseSource`]): the same seed gives the same numbers.
//! - Nothing panics on what a user passes: every [`Error`] names the thing, its value and the bound.
//! - Gates, experts and aggregators can be replaced by one's own ([`Gate`], [`Experts`], [`Aggregator`]).

mod aggregator;
mod backward;
mod balance;
mod bounds;
mod category;
mod combine;
mod config;
mod consistency;
mod contrastive;
mod cross_entropy;
mod dropout;
mod encoder;
mod error;
mod expert;
mod expert_bank;
mod fast;
mod gate;
mod head;
mod head_output;
mod invariance;
mod linear;
mod log_sum_exp;
mod margin;
mod mixture;
mod mode;
mod noisy_top_k;
mod normalization;
mod parameters;
pub mod plain;
mod random;
mod ranking;
mod routing;
mod softplus;
#[cfg(feature = "serde")]
pub mod switch;
mod unit_length;

pub use aggregator::{Aggregated, Aggregator, Identity, Then};
pub use backward::{backward, deposit};
pub use balance::balance_loss;
pub use category::{CategoryDecoupling, DecouplingConfig, LabelSets, SetWeighting};
pub use combine::Combine;
pub use config::{
    Alignment, AlignmentTarget, CategoryConfig, CategoryLoss, Faces, ForwardPlan, InstanceLevel,
    LeafConfig, Levels, Masking, Preset,
};
pub use consistency::{decoupled_consistency, positive_set_loss};
pub use contrastive::{ContrastiveConfig, Pairs, contrastive};
pub use cross_entropy::{cross_entropy, soft_cross_entropy};
pub use dropout::Dropout;
pub use encoder::Encoder;
pub use error::{Error, Result};
pub use expert::{Expert, ExpertKind, expert};
pub use expert_bank::{ExpertBank, Experts, expert_bank};
pub use gate::Gate;
pub use head::{BoxedAggregator, Instance, LeafHead, leaf_head};
pub use head_output::HeadOutput;
pub use invariance::invariance;
pub use linear::{Linear, linear, linear_zero};
pub use margin::{MarginConfig, adaptive_margins};
pub use mixture::{MixtureConfig, MixtureOfExperts, mixture_of_experts};
pub use mode::Mode;
pub use noisy_top_k::{GateWeighting, NoisyTopK, NoisyTopKConfig, noisy_top_k};
pub use normalization::{Normalization, Normalize, normalize};
pub use parameters::Parameters;
pub use random::{NoiseSource, Random, RandomState};
pub use routing::Routing;
pub use softplus::softplus;
pub use unit_length::unit_length;
