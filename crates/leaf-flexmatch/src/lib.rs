//! FlexMatch, plain and with LEAF.
//!
//! FlexMatch (B. Zhang et al., NeurIPS 2021) is FixMatch with a threshold for each class that is low
//! while the class is little learned:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max p_w >= τ β_c / (2 - β_c)] CE(z_s, c) )`, `c = argmax p_w`.
//!
//! A face whose confidence reaches τ is learned as its class, until it is learned as another; the
//! learning status β_c is the number of faces learned as class c over the largest such number. With
//! warm-up, the faces that were never learned count as a class there: while they are the majority,
//! thresholds stay low.
//!
//! # Published settings
//!
//! τ = .95 with warm-up, λ_u = 1. At the start every β is 0, so **every** face is accepted. That is
//! the published rule; in short runs it may not change before the end.
//!
//! # What differs
//!
//! - USB's implementation counts all faces anew in each step; here the counts are kept. The numbers
//!   are the same.
//! - Faces are counted over the whole training list, which [`Task::training_faces`](leaf_ssl::Task)
//!   must give. Where labelled faces are kept out of the unlabelled ones they are never learned, and
//!   weigh in the warm-up as such; USB counts the unlabelled list, which holds them too by default.
//! - A saved run goes on with any training list of the same length: that the faces are the same is not
//!   checked.
//! - Weak predictions can be aligned before they label ([`FlexMatchConfig::alignment`]), which is not published: off.
//! - The paper's other maps from β to thresholds (linear and concave) are left out: β / (2 - β) is what
//!   it uses.
//!
//! # LEAF in it
//!
//! The aggregation sits in the network's head, which [`leaf_core::leaf_head`] builds from the same
//! [`LeafConfig`](leaf_core::LeafConfig). The threshold stays FlexMatch's own. Under
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
//! use leaf_flexmatch::FlexMatchConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let task = Task::new(7).with_training_faces(12_271);
//! let plain = FlexMatchConfig::default().build(&task)?;
//! assert!(plain.views().index);
//! let config = FlexMatchConfig::default().with_leaf(LeafConfig::robust());
//! assert_eq!(config.leaf.category.as_ref().map(|level| level.faces), Some(Faces::All));
//! let leaf = config.build(&task)?;
//! assert_eq!(leaf.name(), "FlexMatch");
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::FlexMatchConfig;
use leaf_ssl::{BoxedLoss, Curriculum, HardLabels, WeakStrong};

/// FlexMatch with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
pub type FlexMatch<L = BoxedLoss> = WeakStrong<HardLabels, Curriculum, L>;
