//! What every semi-supervised trainer shares.
//!
//! A trainer is an [`Algorithm`]: it declares which [`Views`] of an unlabelled face it needs, and turns
//! a [`Batch`] into [`Losses`]. Most are values of one composition, [`WeakStrong`]:
//!
//! ```text
//! weak views -> PseudoLabeler -> Selector -> weights (M,)
//!                    |                          |
//! strong view -------+----> UnlabeledLoss ------+--> losses (M,) -> mean
//! ```
//!
//! - [`PseudoLabeler`]: [`HardLabels`], with alignment or without; [`SoftLabels`].
//! - [`Selector`]: [`FixedThreshold`] (FixMatch), [`AdaptiveMargins`] (Ada-CM), [`Curriculum`] (FlexMatch),
//!   [`SelfAdaptive`] (FreeMatch), [`Gaussian`] (SoftMatch), [`RelativeThreshold`] (AdaMatch),
//!   [`LossBound`] (Dash).
//! - [`UnlabeledLoss`]: [`CrossEntropy`]; [`CategoryLevel`] is LEAF's, around any of them.
//!
//! Trainers without a strong view to hold to a weak one are made of other parts: [`WeakWeak`] (Pi-Model, Mean
//! Teacher) asks for the same answer to two weak views, [`Mixup`] mixes rows with each other, and
//! [`TrainingPasses`] runs each view on its own.
//!
//! A [`Network`] is asked for features and for logits apart, so that one plan
//! ([`leaf_core::ForwardPlan`]) says how a step's views go through it. What a part keeps between steps
//! is its [`State`], which goes into checkpoints. [`Logits`] and [`Probs`] are different types: softmax
//! cannot be applied twice.

mod algorithm;
mod alignment;
mod annealing;
mod auxiliary;
mod batch;
mod beta;
pub mod bounds;
mod category_level;
mod consistency;
mod context;
mod error;
mod feature_bank;
pub mod forward;
mod gate_usage;
mod labeler;
mod labels;
mod loss_sum;
mod losses;
mod memory_queue;
mod mixup;
mod network;
mod queue_alignment;
mod ramp;
mod scores;
mod seen;
mod selector;
mod soft_labels;
mod state;
mod step;
mod supervised;
mod task;
mod training_passes;
mod unlabeled_loss;
mod views;
mod weak_strong;
mod weak_weak;

pub use algorithm::Algorithm;
pub use alignment::AverageAlignment;
pub use annealing::Annealing;
pub use auxiliary::{AuxiliaryHeads, Heads, auxiliary_heads};
pub use batch::{Batch, Labeled, Rotated, Unlabeled};
pub use category_level::{CategoryLevel, with_category};
pub use consistency::{Divergence, kl_divergence, mean_squared_error};
pub use context::{Context, LabeledFaces, LogitAdjustment};
pub use error::{Error, Result};
pub use feature_bank::FeatureBank;
pub use forward::{Passes, ViewPass, Wanted};
pub use labeler::{HardLabels, PseudoLabeler, mean_of_views};
pub use labels::{PseudoLabels, Target};
pub use loss_sum::LossSum;
pub use losses::{
    CATEGORY, CONFIDENCE, EXPERT_USAGE, GATE_ENTROPY, GATE_ENTROPY_OF_ROWS, Losses,
    PSEUDO_ACCURACY, SET_SIZE, Selection, THRESHOLDS, UTILIZATION,
};
pub use memory_queue::MemoryQueue;
pub use mixup::{Mix, Mixup, SoftRows};
pub use network::{Model, Network};
pub use queue_alignment::{QueueAlignment, QueueAlignmentConfig};
pub use ramp::{RampedWeight, linear_ramp};
pub use scores::{Logits, Probs};
pub use seen::Seen;
pub use selector::{
    AdaptiveMargins, ClassThresholds, Curriculum, CurriculumConfig, FixedThreshold, Gaussian,
    GaussianConfig, LossBound, LossBoundConfig, Penalty, RelativeThreshold, Selector, SelfAdaptive,
    SelfAdaptiveConfig, StatisticsOf, fairness,
};
pub use soft_labels::SoftLabels;
pub use state::{State, Stateful, joined_state, part_of_state, state_entry};
pub use step::Step;
pub use supervised::{Supervised, SupervisedConfig};
pub use task::Task;
pub use training_passes::TrainingPasses;
pub use unlabeled_loss::{BoxedLoss, CrossEntropy, FaceLosses, UnlabeledFaces, UnlabeledLoss};
pub use views::Views;
pub use weak_strong::{WeakStrong, WeakStrongConfig};
pub use weak_weak::{Teacher, WeakWeak, WeakWeakConfig};
