//! MixMatch and ReMixMatch, plain and with LEAF's aggregation.
//!
//! # MixMatch
//!
//! MixMatch (D. Berthelot et al., NeurIPS 2019) makes a target of two weak views and mixes labelled and
//! unlabelled rows with each other. With `q = sharpen((p_w + p_w') / 2, T)` and the rows `X = (x, w, w')`,
//! `Y = (y, q, q)`, one `λ ~ Beta(α, α)`, `λ <- max(λ, 1 - λ)`, and one permutation π of all rows a step,
//!
//! `X' = λ X + (1 - λ) X[π]`, `Y' = λ Y + (1 - λ) Y[π]`,
//!
//! `L = mean CE(z_x', y') + λ_u r(t) mean 1/C Σ_c (softmax(z_u')_c - q'_c)²`, `r(t) = min(1, t / (ramp T))`,
//!
//! where x' are the rows that were labelled and u' the others; λ_u = 100, ramp = .4, T = .5, α = .5 as in
//! USB's runs (the paper: α = .75, λ_u = 75 on CIFAR-10).
//!
//! # ReMixMatch
//!
//! ReMixMatch (D. Berthelot et al., ICLR 2020) makes the target of a weak view, aligned with the classes'
//! shares among the labelled faces, and trains on strong ones. With `q = sharpen(align(p_w), T)` and the rows
//! `X = (x, s0, s1, w)`, `Y = (y, q, q, q)`, mixed as above,
//!
//! `L = mean CE(z_x', y') + λ_u r(t) mean CE(z_u', q') + λ_kl r(t) mean CE(z_s0, q) + λ_rot mean CE(v(s0 turned), turn)`,
//!
//! where v tells by how many quarters a face was turned; λ_u = 1.5, λ_kl = .5, λ_rot = .5, ramp = 1/64, T = .5,
//! α = .75 and an alignment momentum of .999.
//!
//! # What is different
//!
//! | | here | elsewhere | because |
//! |---|---|---|---|
//! | the target's passes | no dropout, no gate noise (`Mode::Teacher`) | USB runs them as in training, without gradient | a label without noise is the better one |
//! | the mixed rows' passes | one for what was labelled, one a view for the rest | USB: chunks of as many rows as there are labelled faces, 1 + 2 μ passes with μ times as many unlabelled ones (ReMixMatch: 1 + 3 μ); TorchSSL and the authors interleave the rows first | the same with μ = 1, and fewer passes with more |
//! | passes that USB makes to export features | left out | | they change nothing |
//! | ReMixMatch's labelled faces | the weak view, as USB | the paper's are strong | batches carry that view |
//! | ReMixMatch's strong views | two, as USB | up to eight in the paper | each costs a pass |
//! | ReMixMatch's alignment | a running average, as USB | the paper's is over the last 128 batches | one average to resume from |
//! | λ_rot = 0 | no rotation head, no turned view | | what is off costs nothing |
//!
//! As in USB, batch norm's running statistics follow the rows that were labelled alone, nothing
//! flows back through mixed images or labels. λ and π of a step depend on the [task's seed](leaf_ssl::Task) and
//! the step alone; dropout and gate noise come from the network's [source](leaf_core::NoiseSource).
//!
//! # LEAF in it
//!
//! Mixing destroys what LEAF's category level compares, a weak and a strong view of the same face. Both
//! take LEAF's aggregation and nothing else of it
//! ([`LeafConfig::aggregation_only`](leaf_core::LeafConfig::aggregation_only)): the semantic and the instance
//! mixtures, their balance weight, and the dropout and normalization of the head that they sit in
//! ([`leaf_core::leaf_head`]). The labelled faces' weight stays 1 and the passes are those above, whatever LEAF's
//! preset. The balance loss is the mean of the training passes'; the rotation head reads what the semantic level gives.
//!
//! A wrapper that shifts logits reaches the targets, and ReMixMatch's unmixed strong view. Mixed rows are
//! left alone: up to half of such a row may come from a labelled face, whose label needs no shift.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_mixmatch::{MixMatchConfig, ReMixMatchConfig};
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! // Seven labelled faces, one a class.
//! let task = Task::new(7).with_labeled((0..7).map(|face| (face, face)));
//! let mix_match = MixMatchConfig::default().build(&task)?;
//! let remix_match = ReMixMatchConfig::default().with_leaf(LeafConfig::robust()).build(&task)?;
//! assert_eq!(mix_match.views().weak, 2);
//! assert!(remix_match.views().rotated && remix_match.heads().rotation);
//! # Ok(())
//! # }
//! ```

mod mix_match;
mod mixed_batch;
mod remix_match;
mod remix_match_config;

pub use mix_match::{MixMatch, MixMatchConfig};
pub use remix_match::ReMixMatch;
pub use remix_match_config::ReMixMatchConfig;
