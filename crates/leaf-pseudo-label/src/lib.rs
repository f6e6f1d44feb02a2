//! Pseudo-Label and Pi-Model, plain and with LEAF's aggregation.
//!
//! # Pseudo-Label
//!
//! Pseudo-Label (D.-H. Lee, ICML workshop on challenges in representation learning, 2013) takes the class
//! that the network predicts of an unlabelled face, if it is sure enough, as the label of that very view:
//!
//! `L = mean CE(z_x, y) + λ_u r(t) mean( 1[max p_w >= τ] CE(z_w, argmax p_w) )`, `r(t) = min(1, t / (ramp T))`,
//!
//! with τ = .95, λ_u = 1 and ramp = .4 as in USB. Label and prediction are the same scores, so the gradient
//! only pushes the winning class further up.
//!
//! # Pi-Model
//!
//! Pi-Model (S. Laine and T. Aila, ICLR 2017; M. Sajjadi et al., NIPS 2016) asks for the same answer to two
//! weak views of a face:
//!
//! `L = mean CE(z_x, y) + λ_u r(t) mean 1/C Σ_c (p_w',c - sg(p_w,c))²`, λ_u = 10, ramp = .4 as in USB.
//!
//! # What is different
//!
//! | | here | elsewhere | because |
//! |---|---|---|---|
//! | Pseudo-Label's threshold and ramp | as USB: τ, and λ_u grows from the first step on | the paper takes every face and waits 100 epochs | published results with few labels are USB's |
//! | Pi-Model's first view | no graph, no dropout, no gate noise (`Mode::Teacher`) | USB runs it as in training and detaches it; the paper lets the gradient through both | what is only read needs no graph, and a label without noise is the better one |
//! | Pi-Model's ramp | linear, as USB | the paper's is a Gaussian over 80 epochs | the same for every trainer here |
//!
//! As in USB, each view goes through the network on its own, and batch norm's running statistics follow the
//! labelled faces alone.
//!
//! # LEAF in it
//!
//! Pseudo-Label has one view of a face, and Pi-Model holds whole distributions together by squared errors:
//! there is no strong view that could be held to a weak view's sets. Both take LEAF's aggregation and
//! nothing else of it ([`LeafConfig::aggregation_only`](leaf_core::LeafConfig::aggregation_only)): the semantic
//! and the instance mixtures, their balance weight, and the dropout and normalization of the head that they
//! sit in ([`leaf_core::leaf_head`]). The labelled faces' weight stays 1 and each view its own pass, whatever
//! LEAF's preset. The balance loss is the mean of the training passes'. A wrapper that shifts logits reaches the label and the prediction of both.
//!
//! ```
//! use leaf_core::LeafConfig;
//! use leaf_pseudo_label::{PiModelConfig, PseudoLabelConfig};
//! use leaf_ssl::{Algorithm, Task};
//!
//! # fn main() -> leaf_ssl::Result<()> {
//! let task = Task::new(7);
//! let pseudo_label = PseudoLabelConfig::default().build(&task)?;
//! let pi_model = PiModelConfig::default().with_leaf(LeafConfig::robust()).build(&task)?;
//! assert_eq!(pseudo_label.views().weak, 1);
//! assert_eq!(pi_model.views().weak, 2);
//! # Ok(())
//! # }
//! ```

mod pi_model;
mod pseudo_label;

pub use pi_model::{PiModel, PiModelConfig};
pub use pseudo_label::{PseudoLabel, PseudoLabelConfig};
