//! Dash on candle, plain and with LEAF.
//!
//! Dash (Y. Xu et al., "Dash: semi-supervised learning with dynamic thresholding", ICML 2021) takes a
//! pseudo-label where the weak view's loss against it is small, under a bound that falls during the run:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[CE(z_w, q) <= ρ] CE(z_s, q) )`, `ρ = max(C γ^(-k) ρ_0, ρ_min)`,
//!
//! - `q = softmax(z_w / T)` as long as `ρ > ρ_min`, and the hard label `argmax z_w` from then on;
//! - k falls of the bound lie behind, one every [`interval`](leaf_ssl::LossBoundConfig::interval) since the
//!   warm-up;
//! - ρ_0 is the student's mean cross-entropy on all labelled faces at the end of the warm-up, during which no
//!   pseudo-label counts.
//!
//! At ρ_min = 0.05 a hard label passes from a confidence of `e^(-0.05)` = 0.951 on: Dash ends as FixMatch.
//!
//! # Published values
//!
//! | field | value | from |
//! |---|---|---|
//! | [`bound.scale`](leaf_ssl::LossBoundConfig::scale) C | 1.0001 | USB |
//! | [`bound.decay`](leaf_ssl::LossBoundConfig::decay) γ | 1.27 | USB |
//! | [`bound.floor`](leaf_ssl::LossBoundConfig::floor) ρ_min | 0.05 | USB |
//! | [`bound.interval`](leaf_ssl::LossBoundConfig::interval) | 0.01 of the run | 10 of USB's 1,024 epochs |
//! | [`bound.warmup`](leaf_ssl::LossBoundConfig::warmup) | 0.1 of the run | ours, see below |
//! | [`temperature`](DashConfig::temperature) T | 0.5 | USB |
//! | [`lambda_u`](DashConfig::lambda_u) λ_u | 1 | USB |
//!
//! # Deviations
//!
//! - **The warm-up counts inside the run and shrinks with it**: it is a share of the steps, as every phase
//!   here. Published are 2,048 steps before a run of 2^20, after which the count of steps starts anew but the
//!   learning rate does not. That share (0.002) is four steps of a run of two thousand, in which nothing is
//!   learned that ρ_0 could measure; the default is a tenth. In the warm-up unlabelled faces go through the
//!   network with weight 0, so batch norm sees them.
//! - **The bound falls every so many steps, a share of the run**, and not every ten epochs: short runs have
//!   fewer epochs than that. From ρ_0 = 0.5 it takes ten falls to ρ_min, a tenth of the run: take a longer
//!   interval to stay lenient for longer.
//! - **ρ_0 is measured on the labelled faces with the warmed-up student.** USB measures it on the evaluation
//!   set, often the test set, with averaged weights from before the warm-up, which gives about ln C whatever
//!   was learned. It is measured before the step's own passes.
//! - With several weak views, a face's loss is the mean of theirs.
//!
//! # LEAF in it
//!
//! [`DashConfig::with_leaf`] takes the whole of LEAF. The aggregation sits in the network's head, which
//! [`leaf_core::leaf_head`] builds from the same [`LeafConfig`](leaf_core::LeafConfig). The category level
//! joins the loss of unlabelled faces: under `robust` it takes the place of Dash's cross-entropy on
//! all faces, in the warm-up too; under `paper` the
//! ranking loss takes the label's place on accepted faces, scaled to the size of Dash's own cross-entropy. The bound stays Dash's own.
//! Under `robust` the distance between the two views' fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where USB
//! runs them as in training. With `released` every pass is to train, the labelled faces' weight is .5, and the
//! label is that of the mean prediction of two weak views, sharpened as long as labels are soft.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_dash::DashConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let plain = DashConfig::default().build(&Task::new(7))?;
//! let leaf = DashConfig::default().with_leaf(LeafConfig::robust()).build(&Task::new(7))?;
//! // Whoever runs it must have all labelled faces at hand.
//! assert!(plain.views().labeled_pass);
//! assert_eq!(leaf.views(), plain.views());
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::DashConfig;
use leaf_ssl::{BoxedLoss, LossBound, SoftLabels, WeakStrong};

/// Dash with a loss of unlabelled faces: cross-entropy, or what LEAF makes of it.
pub type Dash<L = BoxedLoss> = WeakStrong<SoftLabels, LossBound, L>;
