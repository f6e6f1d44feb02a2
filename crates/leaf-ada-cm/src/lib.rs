//! Ada-CM, plain and with LEAF; with LEAF's preset `released`, the LEAF authors' own trainer.
//!
//! Ada-CM (H. Li et al., "Towards semi-supervised deep facial expression recognition with an adaptive
//! confidence margin", CVPR 2022) labels a face by two weak views, keeps it if the mean prediction
//! reaches its class's margin, and pulls the two weak views of every other face together:
//!
//! `L = w_x mean CE(z_x, y) + mean( m CE(z_s, c) ) + w_s mean_{m = 0} NT-Xent(f_w, f_w')`,
//!
//! `p = (softmax z_w + softmax z_w') / 2`, `c = argmax p`, `m = 1[max p >= T_c]`.
//!
//! The margins T are the floor in the first epoch. After epoch e (counted from 1) they are computed anew
//! from what the running average of the weights says of all labelled faces in evaluation:
//! `T_c = max(floor, scale / (1 + e^-e) mean of the confidences of class c's faces that are predicted
//! right)` ([`leaf_core::adaptive_margins`]). So the trainer asks whoever runs it for that average, for a
//! pass over the labelled faces ([`Views`](leaf_ssl::Views)) and for epochs: in a run that is one single
//! epoch the margins stay at the floor.
//!
//! # Published settings
//!
//! Floor .8 and scale .97, w_x = .5, w_s = .1 at temperature .07, four passes a step, one a view, all to
//! train. The authors run 20 epochs of 800 steps with 16 labelled and 16 unlabelled faces.
//!
//! # What differs
//!
//! - The head belongs to the network: [`leaf_core::leaf_head`] with [`AdaCmConfig::published_head`] gives
//!   the published one (dropout .5, unit length without a scale). [`AdaCmConfig::default`] leaves it
//!   plain. Be warned that with unit length confidences reach .8 late, or in short runs never.
//! - The optimizer (Adam with 5e-4, constant), the running average with .999 and the decay that comes
//!   with it (after each step all weights, batch norm's included, are multiplied by 1 - 1e-5; in LEAF's
//!   code those of a shared expert nine times) belong to the recipe and not to the trainer.
//! - The average is kept by whoever runs the trainer. The one of this workspace averages batch norm's
//!   statistics too, as the authors' does.
//! - The pass over the labelled faces sees all of them; the authors' loader drops the last incomplete
//!   batch. Views are weakly augmented, as theirs are.
//! - Margins are computed before the first step of the next epoch and not after the last one of this
//!   epoch: the weights are the same, and the step's own passes come after. They are saved with a run,
//!   which the authors' code does not do.
//! - Weak predictions can be aligned before they label ([`AdaCmConfig::alignment`]), which is not published: off.
//! - The order of colors (the authors' code feeds blue first) is the data's.
//!
//! # LEAF in it
//!
//! LEAF's authors built their trainer from this one, so [`LeafConfig`](leaf_core::LeafConfig) has places
//! for parts that here belong to the host. The rule: **what LEAF's configuration sets is used; what it
//! leaves as [`LeafConfig::off`](leaf_core::LeafConfig::off) has it is Ada-CM's.** With the defaults
//! that is
//!
//! | part | unset in LEAF's configuration | off, robust, paper | released |
//! |---|---|---|---|
//! | margins | `None` | Ada-CM's: .8, .97 | LEAF's: .8, .97 |
//! | contrast | `None` | Ada-CM's: .1 at .07 | LEAF's: .1 at .07 |
//! | supervised weight | 1 | Ada-CM's: .5 | LEAF's: .5 |
//! | forward plan | concatenated | Ada-CM's: separate | LEAF's: separate |
//! | category level, balance and invariance weight | | LEAF's | LEAF's |
//! | normalization, dropout, mixtures | | LEAF's, in the head | LEAF's, in the head |
//!
//! So margins and contrast are on whatever preset is used; to go without contrast, switch it off in
//! both. The category level takes its place in the loss of unlabelled faces as in any host.
//!
//! With [`LeafConfig::released`](leaf_core::LeafConfig::released) a step is that of the authors' LEAF
//! code, parts that look like slips included: the mask enters as its batch mean m̄, so that rejected
//! faces are trained on as well; the sets come from the **mean logits** of the two weak views while
//! label and mask come from their **mean probabilities**; and the loss is scaled to the size of the
//! cross-entropy over all faces:
//!
//! `L_u = r m̄ mean(w l)`, `r = mean CE(z_s, c) / mean(w l)` as a constant,
//!
//! with the ranking loss l and the set's weight w. One thing differs: where every weight w is 0 the
//! authors' code fails by dividing by 0, and here r stays finite.
//!
//! ```
//! use leaf_ada_cm::AdaCmConfig;
//! use leaf_core::LeafConfig;
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! // Ada-CM as published: the same configuration also describes the network's head.
//! let plain = AdaCmConfig::default().with_leaf(AdaCmConfig::published_head());
//! let plain = plain.build(&Task::new(7))?;
//! assert_eq!((plain.views().weak, plain.views().strong), (2, 1));
//! assert!(plain.views().average && plain.views().labeled_pass);
//!
//! // The LEAF authors' own trainer.
//! let leaf = AdaCmConfig::default().with_leaf(LeafConfig::released()).build(&Task::new(7))?;
//! assert_eq!(leaf.views(), plain.views());
//! # Ok(())
//! # }
//! ```

mod config;

pub use config::AdaCmConfig;
use leaf_ssl::{AdaptiveMargins, BoxedLoss, HardLabels, WeakStrong};

/// Ada-CM with a loss of unlabelled faces: cross-entropy, or what LEAF puts in its place.
pub type AdaCm<L = BoxedLoss> = WeakStrong<HardLabels, AdaptiveMargins, L>;
