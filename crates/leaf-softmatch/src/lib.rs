//! SoftMatch, plain and with LEAF.
//!
//! SoftMatch (H. Chen et al., ICLR 2023) rejects nobody: a face counts the less, the further its
//! confidence is below the average one.
//!
//! `L = mean CE(z_x, y) + λ_u mean( w CE(z_s, argmax p_w) )`,
//! `w = exp( -min(max p'_w - μ, 0)² n² / (2 σ²) )`,
//!
//! with the aligned weak prediction `p'_w` and the running mean μ and variance σ² of the confidences, which
//! start at 1/C and 1 and are updated before the weight. The label is that of the **unaligned** prediction.
//!
//! # Published settings
//!
//! Momentum .999 for mean, variance and alignment, n = 2, alignment to equal shares, λ_u = 1.
//!
//! # What differs
//!
//! - Two orders were published, and [`StatisticsOf`](leaf_ssl::StatisticsOf) chooses: μ and σ² of the
//!   aligned predictions (USB's code, the default here) or of those before alignment (TorchSSL's code,
//!   which made the paper's first table). TorchSSL aligns to the labelled faces' running average; that
//!   target is not offered, a uniform or a given one is.
//! - Alignment can be switched off; in USB's code the switch has no effect.
//! - A batch of one face leaves σ² as it is; in USB's code it becomes not-a-number.
//! - Where σ² is 0, as without momentum and with equal confidences, the weight is 1 from μ on and 0 below; in
//!   USB's code it becomes not-a-number.
//! - Statistics for each class (`per_class`) are left out: in USB's code they fail.
//!
//! # LEAF in it
//!
//! The aggregation sits in the network's head, which [`leaf_core::leaf_head`] builds from the same
//! [`LeafConfig`](leaf_core::LeafConfig). The weight m stays SoftMatch's own. Under
//! [`LeafConfig::robust`](leaf_core::LeafConfig::robust) the category level takes the place of cross-entropy on all
//! faces alike, so that the host's own weights do not matter there; with
//! [`Faces::Both`](leaf_core::Faces::Both) it goes by them. `paper` and `released` go by what the host accepts; of `released`, the contrastive term has
//! hardly a face to work on, since a weight is 0 only by rounding.
//! Under `robust` the distance between the two views' fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views.
//!
//! ```
//! use leaf_core::{Faces, LeafConfig};
//! use leaf_softmatch::SoftMatchConfig;
//! use leaf_ssl::{Algorithm, GaussianConfig, StatisticsOf, Task, Views};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let weighting = GaussianConfig { statistics: StatisticsOf::Unaligned, ..Default::default() };
//! let plain = SoftMatchConfig { weighting, ..Default::default() }.build(&Task::new(7))?;
//! assert_eq!(plain.views(), Views::WEAK_STRONG);
//! let config = SoftMatchConfig::default().with_leaf(LeafConfig::robust());
//! assert_eq!(config.leaf.category.as_ref().map(|level| level.faces), Some(Faces::All));
//! let leaf = config.build(&Task::new(7))?;
//! assert_eq!(leaf.name(), "SoftMatch");
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::SoftMatchConfig;
use leaf_ssl::{BoxedLoss, Gaussian, HardLabels, WeakStrong};

/// SoftMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
pub type SoftMatch<L = BoxedLoss> = WeakStrong<HardLabels, Gaussian, L>;
