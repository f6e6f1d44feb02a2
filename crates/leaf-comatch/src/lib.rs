//! CoMatch and SimMatch on candle, plain and with LEAF.
//!
//! Both train FixMatch's strong view on **soft** labels, and let faces that look alike correct each
//! other's labels. They compare faces in a small embedding f of unit length, a projection head beside the
//! classifier ([`Heads::projection`](leaf_ssl::Heads::projection)). With the aligned prediction
//! `p = norm(softmax(z_w) (t / p̄))`, p̄ its mean over the last 32 batches and t uniform:
//!
//! `L = mean CE(z_x, y) + λ_u mean( 1[max q >= τ] CE(z_s, q) ) + λ (a term of its own)`.
//!
//! # CoMatch
//!
//! J. Li et al., "CoMatch: Semi-supervised learning with contrastive graph regularization", ICCV 2021. A memory
//! Q of the last batches holds embeddings with predictions (those of labelled faces are their labels):
//!
//! ```text
//! q   = α p + (1 - α) A Q_p             A = softmax(f_w Q_f^T / T)
//! L_c = -mean_i Σ_j W_ij log(S_ij + 1e-7)    S = softmax(f_s f_s'^T / T) of two strong views
//!                                       W = q q^T, 1 on the diagonal, 0 below a threshold, rows sum to 1
//! ```
//!
//! In the first epoch, and until more steps than the memory has batches are done, q = p.
//!
//! # SimMatch
//!
//! M. Zheng et al., "SimMatch: Semi-supervised learning with similarity matching", CVPR 2022. A bank M holds
//! the embedding of every labelled face ([`FeatureBank`](leaf_ssl::FeatureBank)):
//!
//! ```text
//! q    = α p + (1 - α) (a summed by class)    a  = softmax(f_w M^T / T)
//! L_in = -mean Σ_k a'_k log softmax(f_s M^T / T)_k    a' = norm(a p[class of k])
//! M_k <- unit(.7 M_k + .3 f_k)                after the loss, for the labelled faces of the batch
//! ```
//!
//! In the first epoch q = p and L_in counts 0. SimMatch must know which faces are labelled
//! ([`Task::with_labeled`](leaf_ssl::Task::with_labeled)) and asks batches for their places.
//!
//! # Published values
//!
//! USB's for training from scratch:
//!
//! | field | CoMatch | SimMatch |
//! |---|---|---|
//! | `threshold` τ | 0.95 | 0.95 |
//! | `lambda_u` λ_u | 1 | 1 |
//! | the own term's weight | `lambda_c` 1 (5 on STL-10) | `lambda_in` 1 |
//! | `temperature` T | 0.2 | 0.1 (0.2 on small sets such as EuroSAT) |
//! | `smoothing` α | 0.9 | 0.9 |
//! | `alignment` | 32 batches, uniform | 32 batches, uniform |
//! | `projection` | 64 | 128 |
//! | others | `graph_threshold` 0.8, `queue_batches` 5 (32 when fine-tuning) | `bank_momentum` 0.7 |
//!
//! # Deviations
//!
//! - **SimMatch's bank is normalized along the feature's axis.** USB normalizes the moved columns along
//!   the batch's axis, so that its bank's vectors have no unit length.
//! - SimMatch's bank follows the student's features by a running average, the rule that USB has for small
//!   data sets. Its rule for large ones (the averaged network's features, as they are) is left out.
//! - SimMatch's bank knows every labelled face's class from the start; USB's takes class 0 for a face until
//!   it was seen. Its first directions are random here too, of the task's seed.
//! - A labelled face that is in a batch twice counts by its mean; in USB one of the two wins.
//! - SimMatch's weak view is the student's, as in USB.
//! - CoMatch's memory counts batches; with batches of one size, as in USB, that is USB's number of rows. Where it
//!   is still empty nothing is mixed in.
//! - One projection head: the three averaged ones in USB's configurations are not CoMatch's own.
//! - Weak and labelled embeddings have no gradient in either, as in USB, whatever the network makes of
//!   [`Mode::Teacher`](leaf_core::Mode).
//! - SimMatch's saved bank names its faces with their classes, and a run with another list refuses it.
//! - The alignment may be switched off; neither paper does so.
//! - Epochs are the run's ([`Step::epoch`](leaf_ssl::Step::epoch)): a run of a single epoch never smooths,
//!   and SimMatch's own term stays 0 in it.
//!
//! # LEAF in them
//!
//! The aggregation sits in the network's head, which [`leaf_core::leaf_head`] builds from the same
//! [`LeafConfig`](leaf_core::LeafConfig); the embedding reads what the semantic level gives. The category
//! level joins the loss of unlabelled faces: under `robust` the soft cross-entropy against the weak view's
//! own logits (neither aligned by the host nor smoothed: the level aligns by itself) takes the place of theirs on all faces.
//! Under `robust` the distance between the weak and the first strong view's fused features joins the loss as well
//! ([`leaf_core::invariance`]).
//!
//! For labels, weak rows are read by the head without gate noise and dropout ([`Mode::Teacher`](leaf_core::Mode)), where
//! USB runs them as in training. Of `released` both take the labelled faces' weight of .5 and its passes, all
//! of which are to train; the weak view stays one.
//!
//! LEAF's contrast of two weak views is dropped by `with_leaf` (it is part of `released`): both hosts draw
//! embeddings together by a rule of their own, on all faces and not only the rejected ones, and have one weak
//! view. That own term lets gradients reach every face, rejected or not.
//!
//! ```
//! use leaf_comatch::{CoMatchConfig, SimMatchConfig};
//! use leaf_core::LeafConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let task = Task::new(7).with_labeled([(0, 3), (12, 5)]);
//! let comatch = CoMatchConfig::default().with_leaf(LeafConfig::robust()).build(&task)?;
//! assert_eq!(comatch.views().strong, 2);
//! assert_eq!(comatch.heads().projection, Some(64));
//! let simmatch = SimMatchConfig::default().build(&task)?;
//! assert!(simmatch.views().labeled_index);
//! // Without a list of the labelled faces SimMatch cannot be.
//! assert!(SimMatchConfig::default().build(&Task::new(7)).is_err());
//! # Ok(())
//! # }
//! ```

mod comatch;
mod comatch_config;
mod graph;
mod instances;
mod simmatch;
mod simmatch_config;
mod soft_training;

pub use comatch::CoMatch;
pub use comatch_config::CoMatchConfig;
pub use graph::{graph_contrast, pseudo_label_graph};
pub use simmatch::SimMatch;
pub use simmatch_config::SimMatchConfig;
