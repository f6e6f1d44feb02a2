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
//! - [`PseudoLabeler`]: [`HardLabels`], with alignment or without.
//! - [`Selector`]: [`FixedThreshold`] (FixMatch), [`ClassThresholds`] (Ada-CM), [`Curriculum`] (FlexMatch),
//!   [`SelfAdaptive`] (FreeMatch), [`Gaussian`] (SoftMatch).
//! - [`UnlabeledLoss`]: [`HardCrossEntropy`]; [`CategoryLevel`] is LEAF's.
//!
//! A [`Network`] is asked for features and for logits apart, so that one plan
//! ([`leaf_core::ForwardPlan`]) says how a step's views go through it. What a part keeps between steps
//! is its [`State`], which goes into checkpoints. [`Logits`] and [`Probs`] are different types: softmax
//! cannot be applied twice.

mod algorithm;
mod alignment;
mod batch;
mod category_level;
mod error;
pub mod forward;
mod labeler;
mod losses;
mod network;
mod ramp;
mod scores;
mod selector;
mod state;
mod supervised;
mod unlabeled_loss;
mod views;
mod weak_strong;

pub use algorithm::{Algorithm, Step};
pub use alignment::AverageAlignment;
pub use batch::{Batch, Labeled, Unlabeled};
pub use category_level::CategoryLevel;
pub use error::{Error, Result};
pub use forward::{Passes, ViewPass};
pub use labeler::{HardLabels, PseudoLabeler, PseudoLabels};
pub use losses::{CONFIDENCE, EXPERT_USAGE, Losses, PSEUDO_ACCURACY, SET_SIZE, UTILIZATION};
pub use network::{Model, Network, Networks};
pub use ramp::linear_ramp;
pub use scores::{Logits, Probs};
pub use selector::{
    Candidates, ClassThresholds, Curriculum, CurriculumConfig, FixedThreshold, Gaussian,
    GaussianConfig, Selector, SelfAdaptive, SelfAdaptiveConfig, StatisticsOf, fairness,
};
pub use state::{State, Stateful, joined_state, part_of_state, state_entry};
pub use supervised::Supervised;
pub use unlabeled_loss::{FaceLosses, HardCrossEntropy, UnlabeledFaces, UnlabeledLoss};
pub use views::Views;
pub use weak_strong::{WeakStrong, WeakStrongConfig};
