//! DebiasPL on candle: class-imbalance debiasing around any trainer.
//!
//! DebiasPL (X. Wang et al., "Debiased learning from naturally imbalanced pseudo-labels", CVPR 2022) works
//! against pseudo-labels that run into a few classes. With the running mean of what is predicted of
//! unlabelled faces,
//!
//! ```text
//! p̂  <- m p̂ + (1 - m) mean softmax(z_w)     starts at 1/C
//! pseudo-labels are made of  z_w - τ log p̂    what is predicted often must be predicted more surely
//! the loss is taken of       z_s + τ log p̂    p̂ as it was before the step: a margin for rare classes
//! ```
//!
//! [`DebiasConfig::around`] puts it around any [`Algorithm`](leaf_ssl::Algorithm), also a boxed one: the
//! base is called with a [`LogitAdjustment`](leaf_ssl::LogitAdjustment) in its context and stays what it was.
//! Views, heads, terms and selection are the base's.
//!
//! # Published values
//!
//! [`strength`](DebiasConfig::strength) τ = 0.4, [`momentum`](DebiasConfig::momentum) m = 0.999. With strength 0
//! a run is its base's, bit for bit.
//!
//! # Deviations
//!
//! - **The momentum is its own field.** USB lets p̂ decay by the decay of the weights' average, which is 0
//!   where it fine-tunes: there p̂ is a thousandth of the last batch's mean and remembers nothing.
//! - USB's later versions take the mean over all entries of the batch at once, which makes p̂ a constant and
//!   DebiasPL nothing at all. Here it is the mean over faces, for each class.
//! - p̂ moves once a step. In USB it moves at each softmax, that of labelled rows included where the
//!   base takes one. Several weak views of a step count together: the first one's label is made by p̂ with
//!   that view, the next one's by p̂ with both, and their mean is what one step adds.
//! - Labelled rows are not shifted and not counted. In USB those are that the base asks probabilities of
//!   (AdaMatch's).
//! - The shift reaches everything that the base makes of the logits of unlabelled faces: masks, labels,
//!   alignment, thresholds, penalties. In USB FreeMatch's and SoftMatch's masks are untouched, since they
//!   take their softmax elsewhere.
//! - USB refuses MixMatch, Mean Teacher and Pi-Model. Here each base says which logits it labels by and which
//!   it trains ([`Context::target`](leaf_ssl::Context::target), [`Context::trained`](leaf_ssl::Context::trained)).
//! - A probability below 1e-12 counts as that in the logarithm.
//!
//! # LEAF in it
//!
//! LEAF belongs to the base: `DebiasConfig::default().around(base with LEAF, &task)`. The sets of its
//! category level are made of the shifted weak logits, and its losses see the shifted strong ones.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_debias::DebiasConfig;
//! use leaf_fixmatch::FixMatchConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let task = Task::new(7);
//! let base = FixMatchConfig::default().with_leaf(LeafConfig::robust()).build(&task)?;
//! let debiased = DebiasConfig::default().around(base, &task)?;
//! assert_eq!(debiased.name(), "FixMatch + DebiasPL");
//!
//! let boxed: Box<dyn Algorithm> = Box::new(FixMatchConfig::default().build(&task)?);
//! assert_eq!(DebiasConfig::default().around(boxed, &task)?.views(), debiased.views());
//! # Ok(())
//! # }
//! ```

mod config;
mod debias;
mod shift;

pub use config::DebiasConfig;
pub use debias::{Debias, PREDICTED_SHARES};
