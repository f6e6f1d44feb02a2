//! Mean Teacher, plain and with LEAF's aggregation.
//!
//! Mean Teacher (A. Tarvainen and H. Valpola, NIPS 2017) holds the student's answer to one weak view of a face
//! to the answer that the running average of its weights gives to another:
//!
//! `L = mean CE(z_x, y) + λ_u r(t) mean 1/C Σ_c (p_w',c - q_w,c)²`, `r(t) = min(1, t / (ramp T))`,
//!
//! with `p_w' = softmax(student(w'))`, `q_w = softmax(average(w))`, λ_u = 50 and ramp = .4 as in USB. The average
//! follows the weights after each step; whoever runs the trainer keeps it ([`Views::average`](leaf_ssl::Views)),
//! with a decay of .999 in the published runs.
//!
//! # What is different
//!
//! | | here | elsewhere | because |
//! |---|---|---|---|
//! | whose answer is trained | the student's | USB's present code puts the teacher's in its place | there the loss is 0 and nothing is learned from unlabelled faces |
//! | the teacher's pass | batch statistics, no dropout, no gate noise (`Mode::Teacher`) | USB keeps dropout on | noise belongs where gradients flow |
//! | the teacher's buffers | averaged as the weights are | USB uses the student's | they play no part: the pass takes the batch's statistics |
//! | the ramp | linear, as USB | the paper's is a Gaussian | the same for every trainer here |
//!
//! As in USB, each view goes through the network on its own, and batch norm's running statistics follow the
//! labelled faces alone.
//!
//! # LEAF in it
//!
//! Squared errors hold whole distributions together: there is no strong view that could be held to a weak
//! view's sets. Mean Teacher takes LEAF's aggregation and nothing else of it
//! ([`LeafConfig::aggregation_only`](leaf_core::LeafConfig::aggregation_only)): the semantic and the instance
//! mixtures, their balance weight, and the dropout and normalization of the heads that they sit in, those of
//! both networks ([`leaf_core::leaf_head`]). The labelled faces' weight stays 1 and each view its own pass,
//! whatever LEAF's preset. The balance loss is the mean of the student's passes'. A wrapper that shifts logits reaches the teacher's answer and the student's.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_mean_teacher::MeanTeacherConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let config = MeanTeacherConfig::default().with_leaf(LeafConfig::robust());
//! let trainer = config.build(&Task::new(7))?;
//! assert!(trainer.views().average);
//! assert_eq!(trainer.views().weak, 2);
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::MeanTeacherConfig;
use leaf_ssl::WeakWeak;

/// Mean Teacher: two weak views must be answered alike, the first by the average of the weights.
pub type MeanTeacher = WeakWeak;
