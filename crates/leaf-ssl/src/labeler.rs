//! What makes pseudo-labels of weak views.

use candle_core::Tensor;
use leaf_core::Alignment;

use crate::{AverageAlignment, Logits, Probs, Result, State, Stateful};

/// Pseudo-labels of N unlabelled faces; no gradient.
#[derive(Clone, Debug)]
pub struct PseudoLabels {
    /// What the weak views predict `(N, C)`.
    pub probs: Probs,
    /// The most probable class `(N,)`, u32.
    pub classes: Tensor,
    /// Its probability `(N,)`.
    pub confidence: Tensor,
}

/// Makes pseudo-labels of the weak views' logits.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pseudo-labeler",
    note = "implement `leaf_ssl::PseudoLabeler`: `label` turns the weak views' logits into `PseudoLabels`"
)]
pub trait PseudoLabeler: Stateful {
    /// Logits of each weak view, without gradient, to pseudo-labels.
    ///
    /// # Errors
    /// When the views' shapes differ.
    fn label(&mut self, weak: &[Logits]) -> Result<PseudoLabels>;
}

/// The most probable class of the views' mean prediction, which may be aligned first.
#[derive(Clone, Debug)]
pub struct HardLabels {
    alignment: Option<AverageAlignment>,
}

impl HardLabels {
    /// With or without alignment, for that many classes.
    ///
    /// # Errors
    /// When the alignment breaks a rule.
    pub fn new(alignment: Option<&Alignment>, num_classes: usize) -> Result<Self> {
        let alignment = alignment.map(|alignment| AverageAlignment::new(alignment, num_classes));
        Ok(Self {
            alignment: alignment.transpose()?,
        })
    }
}

impl PseudoLabeler for HardLabels {
    fn label(&mut self, weak: &[Logits]) -> Result<PseudoLabels> {
        let views = weak.iter().map(Logits::probs).collect::<Result<Vec<_>>>()?;
        let mut probs = Probs::mean(&views)?;
        if let Some(alignment) = &mut self.alignment {
            probs = alignment.align(&probs)?;
        }
        Ok(PseudoLabels {
            classes: probs.classes()?,
            confidence: probs.confidence()?,
            probs,
        })
    }
}

impl Stateful for HardLabels {
    fn state(&self) -> Result<State> {
        self.alignment.state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.alignment.load_state(state)
    }
}
