//! FreeMatch, plain and with LEAF.
//!
//! FreeMatch (Y. Wang et al., ICLR 2023) has no threshold to choose: it follows the predictions.
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max p_w >= τ p̃_c / max_k p̃_k] CE(z_s, c) ) + λ_e L_f`,
//! `c = argmax p_w`,
//!
//! with running averages of the weak views' confidence (τ), of their predictions (p̃) and of their
//! labels' histogram (h̃), which start at 1/C and are updated before the mask. The fairness term
//! ([`leaf_ssl::fairness`]) looks at the strong predictions q of the accepted faces and at the histogram
//! ĥ of their classes:
//!
//! `L_f = Σ_c a_c ln b_c`, `a = norm(p̃ / h̃)`, `b = norm(mean(q) / ĥ)`.
//!
//! **L_f is negative.** It is the negative cross-entropy of a and b, and is added: minimizing it
//! drives predictions apart. It is not multiplied by λ_u, and is 0 in a step without accepted faces.
//!
//! # Published settings
//!
//! Momentum .999 for all averages, the mean and not the .8 quantile for τ, no clipping (the authors clip
//! τ at .95 for SVHN only), λ_u = 1, λ_e = .001.
//!
//! # What differs
//!
//! - λ_e is .001, as in all configurations that USB publishes; the default in USB's code is .01. With
//!   `fairness: 0.` the term is switched off, as in one of TorchSSL's versions.
//! - TorchSSL's settings for SVHN alone (each class's threshold within .9 to .95, a warm-up of 2048 steps
//!   on labelled faces) are left out.
//! - A class whose share p̃, h̃ or ĥ leaves no number of its ratio counts 0 in L_f, as where USB replaces what
//!   is infinite.
//! - Weak predictions can be aligned before they label ([`FreeMatchConfig::alignment`]), which is not published: off.
//! - The temperature .5 of USB's configurations is left out: hard labels do not use it.
//!
//! # LEAF in it
//!
//! The aggregation sits in the network's head, which [`leaf_core::leaf_head`] builds from the same
//! [`LeafConfig`](leaf_core::LeafConfig). Threshold and fairness stay FreeMatch's own. Under
//! [`LeafConfig::robust`](leaf_core::LeafConfig::robust) the category level takes the place of cross-entropy on all
//! faces alike, so that the host's own weights do not matter there; with
//! [`Faces::Both`](leaf_core::Faces::Both) it goes by them. `paper` and `released` go by what the host accepts.
//! Under `robust` the distance between the two views' fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views.
//!
//! ```
//! use leaf_core::{Faces, LeafConfig};
//! use leaf_freematch::FreeMatchConfig;
//! use leaf_ssl::{Algorithm, Task, Views};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let plain = FreeMatchConfig::default().build(&Task::new(7))?;
//! assert_eq!(plain.views(), Views::WEAK_STRONG);
//! let config = FreeMatchConfig::default().with_leaf(LeafConfig::robust());
//! assert_eq!(config.leaf.category.as_ref().map(|level| level.faces), Some(Faces::All));
//! let leaf = config.build(&Task::new(7))?;
//! assert_eq!(leaf.name(), "FreeMatch");
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::FreeMatchConfig;
use leaf_ssl::{BoxedLoss, HardLabels, SelfAdaptive, WeakStrong};

/// FreeMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
pub type FreeMatch<L = BoxedLoss> = WeakStrong<HardLabels, SelfAdaptive, L>;
