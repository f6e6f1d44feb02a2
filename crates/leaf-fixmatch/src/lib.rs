//! FixMatch, plain and with LEAF.
//!
//! FixMatch (K. Sohn et al., NeurIPS 2020) takes the class that the weak view predicts with a
//! confidence of at least `threshold` as a label for the strong view:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max p_w >= τ] CE(z_s, argmax p_w) )`.
//!
//! [`FixMatchConfig::with_leaf`] puts LEAF into it. The aggregation sits in the network's head, which
//! [`leaf_core::leaf_head`] builds from the same [`LeafConfig`](leaf_core::LeafConfig); the category level takes its place in
//! the loss of unlabelled faces; the threshold stays FixMatch's own.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_fixmatch::FixMatchConfig;
//! use leaf_ssl::{Algorithm, Task, Views};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let plain = FixMatchConfig::default().build(&Task::new(7))?;
//! let leaf = FixMatchConfig::default().with_leaf(LeafConfig::robust()).build(&Task::new(7))?;
//! assert_eq!(plain.views(), Views::WEAK_STRONG);
//! assert_eq!(leaf.views(), Views::WEAK_STRONG);
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::FixMatchConfig;
use leaf_ssl::{BoxedLoss, FixedThreshold, HardLabels, WeakStrong};

/// FixMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
pub type FixMatch<L = BoxedLoss> = WeakStrong<HardLabels, FixedThreshold, L>;
