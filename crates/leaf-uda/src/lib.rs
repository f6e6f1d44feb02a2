//! UDA on candle, plain and with LEAF.
//!
//! UDA (Q. Xie et al., "Unsupervised data augmentation for consistency training", NeurIPS 2020) holds the
//! strong view to the sharpened prediction of the weak one, where that is confident enough:
//!
//! `L = mean( 1[max p_x <= τ_t] CE(z_x, y) ) + λ_u mean( 1[max p_w >= τ] CE(z_s, q) )`, `q = softmax(z_w / T)`.
//!
//! Both means are over all faces. The bound τ_t is the training-signal annealing
//! ([`UdaConfig::annealing`]), which keeps sure labelled faces back for later; without it every labelled
//! face counts.
//!
//! # Published values
//!
//! | field | value | from |
//! |---|---|---|
//! | [`threshold`](UdaConfig::threshold) τ | 0.8 | USB |
//! | [`temperature`](UdaConfig::temperature) T | 0.4 | USB, which ignores it |
//! | [`lambda_u`](UdaConfig::lambda_u) λ_u | 1 | USB (10 on ImageNet) |
//! | [`annealing`](UdaConfig::annealing) | off | USB |
//!
//! # Deviations
//!
//! - **USB never sharpens**: it reads T and then ignores it, so its published UDA is that of T = 1. Here T
//!   works; [`UdaConfig::usb_compat`] gives USB's rule to those who compare with its tables.
//! - T sharpens the label alone. Faces are chosen by the confidence before the sharpening, and the strong
//!   view's logits are not divided by T.
//! - The annealing looks at a face's largest probability and the mean is over all labelled faces, as in USB;
//!   the paper looks at the true class's and divides by the number of faces that are left.
//! - The paper's loss is a divergence, this one a cross-entropy: they differ by the label's entropy, which
//!   has no gradient.
//!
//! # LEAF in it
//!
//! [`UdaConfig::with_leaf`] takes the whole of LEAF. The aggregation sits in the network's head, which
//! [`leaf_core::leaf_head`] builds from the same [`LeafConfig`](leaf_core::LeafConfig). The category level
//! joins the loss of unlabelled faces: under `robust` the soft cross-entropy against the aligned
//! prediction takes the place of UDA's on all faces; under `paper` the ranking loss takes the soft label's place on
//! accepted faces, scaled to the size of UDA's soft cross-entropy. Threshold and annealing stay UDA's own.
//! Under `robust` the distance between the two views' fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views, sharpened.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_ssl::{Algorithm, Annealing, Task, Views};
//! use leaf_uda::UdaConfig;
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let few_labels = UdaConfig {
//!     annealing: Some(Annealing::Linear),
//!     ..UdaConfig::default()
//! };
//! let plain = few_labels.build(&Task::new(7))?;
//! let leaf = few_labels.with_leaf(LeafConfig::robust()).build(&Task::new(7))?;
//! assert_eq!(plain.views(), Views::WEAK_STRONG);
//! assert_eq!(leaf.name(), "UDA");
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::UdaConfig;
use leaf_ssl::{BoxedLoss, FixedThreshold, SoftLabels, WeakStrong};

/// UDA with a loss of unlabelled faces: cross-entropy, or what LEAF makes of it.
pub type Uda<L = BoxedLoss> = WeakStrong<SoftLabels, FixedThreshold, L>;
