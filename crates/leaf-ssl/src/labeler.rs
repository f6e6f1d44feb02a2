//! What makes pseudo-labels of weak views.

use leaf_core::Alignment;

use crate::{AverageAlignment, Probs, PseudoLabels, Result, Seen, State, Stateful};

/// Makes pseudo-labels of what the network says of the weak views.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pseudo-labeler",
    note = "implement `leaf_ssl::PseudoLabeler`: `label` turns what was seen into `PseudoLabels`"
)]
pub trait PseudoLabeler: Stateful {
    /// A pseudo-label for each unlabelled face, without gradient.
    ///
    /// # Errors
    /// When the views' shapes differ.
    fn label(&mut self, seen: &Seen) -> Result<PseudoLabels>;
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

    /// Aligned to what is predicted of labelled faces ([`AverageAlignment::tracking`]), for that many
    /// classes.
    ///
    /// # Errors
    /// When the momentum is outside `[0, 1)`.
    pub fn tracking(momentum: f64, num_classes: usize) -> Result<Self> {
        Ok(Self {
            alignment: Some(AverageAlignment::tracking(momentum, num_classes)?),
        })
    }
}

impl PseudoLabeler for HardLabels {
    fn label(&mut self, seen: &Seen) -> Result<PseudoLabels> {
        let mut probs = mean_of_views(seen)?;
        if let Some(alignment) = &mut self.alignment {
            if alignment.tracks() {
                alignment.follow(&seen.labeled.logits.probs()?)?;
            }
            probs = alignment.align(&probs)?;
        }
        PseudoLabels::hard(probs)
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

/// The mean of the weak views' probabilities `(M, C)`.
///
/// # Errors
/// When the views' shapes differ.
pub fn mean_of_views(seen: &Seen) -> Result<Probs> {
    let views = seen.weak.iter().map(|view| view.logits.probs());
    Probs::mean(&views.collect::<Result<Vec<_>>>()?)
}
