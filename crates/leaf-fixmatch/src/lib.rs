//! FixMatch, plain and with LEAF.
//!
//! FixMatch (K. Sohn et al., NeurIPS 2020) takes the class that the weak view predicts with a
//! confidence of at least `threshold` as a label for the strong view:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max p_w >= τ] CE(z_s, argmax p_w) )`.
//!
//! # Published values
//!
//! | field | value | from |
//! |---|---|---|
//! | [`threshold`](FixMatchConfig::threshold) τ | 0.95 | the paper and USB (0.7 on ImageNet) |
//! | [`lambda_u`](FixMatchConfig::lambda_u) λ_u | 1 | the paper and USB (10 on ImageNet) |
//! | [`alignment`](FixMatchConfig::alignment) | off | the paper and USB |
//!
//! # Deviations
//!
//! - The alignment is an option: the paper has it among its extensions only.
//! - USB's configurations name a temperature of .5, which hard labels do not use; a well-known port divides the
//!   logits by it before the threshold. There is none here.
//! - The authors' weight decay (a loss of kernels alone), their CTAugment and their running average of the
//!   weights belong to the optimizer, the data and whoever runs the trainer.
//! - The authors interleave labelled and unlabelled rows over devices; here one pass has them all
//!   ([`leaf_core::ForwardPlan`]).
//!
//! # LEAF in it
//!
//! [`FixMatchConfig::with_leaf`] puts LEAF into it. The aggregation sits in the network's head, which
//! [`leaf_core::leaf_head`] builds from the same [`LeafConfig`](leaf_core::LeafConfig); the category level takes its place in
//! the loss of unlabelled faces; under `robust` the distance between the two views' fused features joins the loss; the
//! threshold stays FixMatch's own.
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views.
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
