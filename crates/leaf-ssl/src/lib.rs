//! What every semi-supervised trainer shares.

mod algorithm;
mod batch;
mod error;
mod losses;
mod network;
mod state;
mod views;

pub use algorithm::{Algorithm, Step};
pub use batch::{Batch, Labeled, Unlabeled};
pub use error::{Error, Result};
pub use losses::{CONFIDENCE, EXPERT_USAGE, Losses, PSEUDO_ACCURACY, SET_SIZE, UTILIZATION};
pub use network::{Model, Network, Networks};
pub use state::{State, state_entry};
pub use views::Views;
