//! AdaMatch on candle, plain and with LEAF.
//!
//! AdaMatch (D. Berthelot et al., "AdaMatch: a unified approach to semi-supervised learning and domain
//! adaptation", ICLR 2022) scales the weak predictions so that classes occur among unlabelled faces as often
//! as they are predicted among labelled ones, and takes what is confident by the measure of the labelled
//! faces:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max p'_w >= c] CE(z_s, argmax p'_w) )`,
//!
//! - `p' = norm( p_w (t + 1e-6) / (a + 1e-6) )`, aligned;
//! - `a <- m a + (1 - m) mean(p_w)`, which starts with the first batch's mean;
//! - `t <- m t + (1 - m) mean(p_x)`, which starts with 1/C; both are updated before they are used;
//! - `c = τ mean(max p_x)`, over the labelled faces of the same step.
//!
//! # Published values
//!
//! | field | value | from |
//! |---|---|---|
//! | [`threshold`](AdaMatchConfig::threshold) τ | 0.95 | USB (the paper: 0.9) |
//! | [`momentum`](AdaMatchConfig::momentum) m | 0.999 | USB |
//! | [`lambda_u`](AdaMatchConfig::lambda_u) λ_u | 1 | USB |
//!
//! A momentum of 0.999 is meant for very long runs: it follows the last thousand steps. In a run of some
//! hundred steps take 0.99, as [`leaf_core::Alignment`] does by default.
//!
//! # Deviations
//!
//! The rule is USB's, in whose tables AdaMatch is compared with the other trainers of this library. The
//! paper differs in five things:
//!
//! - The paper's labelled faces have a strong view too; here they have the one view that every trainer's
//!   batch has.
//! - The paper mixes the labelled logits of two passes at random, with and without unlabelled faces in the
//!   batch statistics (random logit interpolation). That bridges two domains; here all faces are of one.
//! - The paper's labels are the aligned probabilities; USB's published runs have hard ones.
//! - The paper aligns each batch by its own means; USB averages them over steps, since a batch of few faces
//!   does not hold every class.
//! - The paper's λ_u grows from 0 over the first half of the run; here it is constant.
//!
//! From USB it differs in one thing: labelled and strong rows go through the head to learn and weak ones to
//! label ([`leaf_core::ForwardPlan`]), so where the head has dropout or gate noise, the confidence of labelled
//! faces is measured with it and that of unlabelled ones without.
//!
//! # LEAF in it
//!
//! [`AdaMatchConfig::with_leaf`] takes the whole of LEAF. The aggregation sits in the network's head, which
//! [`leaf_core::leaf_head`] builds from the same [`LeafConfig`](leaf_core::LeafConfig). The category level
//! joins the loss of unlabelled faces: under `robust` it takes the place of AdaMatch's cross-entropy on
//! all faces, with an alignment of its own (to a uniform target); under `paper` the ranking loss takes the hard label's
//! place on accepted faces. Threshold and alignment of the labels stay AdaMatch's own.
//! Under `robust` the distance between the two views' fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views, aligned.
//!
//! ```
//! use leaf_adamatch::AdaMatchConfig;
//! use leaf_core::LeafConfig;
//! use leaf_ssl::{Algorithm, Task, Views};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let plain = AdaMatchConfig::default().build(&Task::new(7))?;
//! let leaf = AdaMatchConfig::default().with_leaf(LeafConfig::robust()).build(&Task::new(7))?;
//! assert_eq!(plain.views(), Views::WEAK_STRONG);
//! assert_eq!(leaf.views(), Views::WEAK_STRONG);
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::AdaMatchConfig;
use leaf_ssl::{BoxedLoss, HardLabels, RelativeThreshold, WeakStrong};

/// AdaMatch with a loss of unlabelled faces: cross-entropy, or what LEAF makes of it.
pub type AdaMatch<L = BoxedLoss> = WeakStrong<HardLabels, RelativeThreshold, L>;
