//! LEAF's layers and losses as composable candle modules.

mod aggregator;
mod balance;
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
mod gate;
mod head;
mod head_output;
mod linear;
mod log_sum_exp;
mod margin;
mod mixture;
mod mode;
mod noisy_top_k;
mod normalization;
mod parameters;
mod random;
mod routing;
mod softplus;
mod unit_length;

pub use aggregator::{Aggregated, Aggregator, Identity, Then};
pub use balance::balance_loss;
pub use category::{CategoryDecoupling, DecouplingConfig, LabelSets, SetWeighting};
pub use combine::Combine;
pub use config::{
    Alignment, AlignmentTarget, CategoryConfig, CategoryLoss, Faces, ForwardPlan, InstanceLevel,
    LeafConfig, Masking,
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
