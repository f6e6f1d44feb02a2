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

mod checks;
mod faces;
mod network;
mod strong_gradients;
mod trial;

pub use checks::{
    assert_every_parameter_learns, assert_rejected_faces_cost_nothing, assert_resumes,
    largest_gradients,
};
pub use faces::{CLASSES, LABELED, TRAINING_FACES, UNLABELED, batch, task};
pub use network::{Dense, network};
pub use strong_gradients::{Taught, strong_gradients};
pub use trial::{STEPS, Trial};
