//! A tiny network, batches and checks on which every trainer of the workspace is tried.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_ssl::Supervised;
//! use leaf_trial::{Trial, assert_resumes};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let leaf = LeafConfig::off();
//! let mut algorithm = Supervised::new(&leaf);
//! let mut trial = Trial::new(&leaf, &algorithm)?;
//! let losses = trial.train(&mut algorithm, 0..3)?;
//! assert!(losses.iter().all(|loss| loss.is_finite()));
//! assert_resumes(&leaf, || Ok(Box::new(Supervised::new(&LeafConfig::off()))))?;
//! # Ok(())
//! # }
//! ```

mod accepted;
mod by_hand;
mod faces;
mod network;
mod one_step;
mod parameters;
mod presets;
mod refusals;
mod rejected;
mod resuming;
mod run;
mod saved;
mod seen;
mod set_loss;
mod shift;
mod taught;
mod trainer;
mod trial;

pub use accepted::{
    assert_encoder_follows, assert_every_face_counts, assert_learns_above_threshold,
};
pub use by_hand::ByHand;
pub use faces::{CLASSES, LABELED, TRAINING_FACES, UNLABELED, batch, task};
pub use network::{Dense, network};
pub use one_step::{measurement, step_losses, term, term_names};
pub use parameters::{assert_every_parameter_learns, largest_gradients};
pub use presets::{faces_apart, presets, unlabeled_alone};
pub use refusals::{Change, assert_refuses, refusal};
pub use rejected::{assert_only_accepted_faces_teach, assert_rejected_faces_cost_nothing};
pub use resuming::assert_resumes;
pub use run::{assert_off_is_plain, run_to_bits};
pub use seen::seen;
pub use set_loss::assert_set_loss_by_the_hosts_weight;
pub use shift::Shift;
pub use taught::{Taught, strong_gradients, view_gradients};
pub use trainer::{assert_trainer, may_be_zero};
pub use trial::{STEPS, Trial};
