//! What an unlabelled face costs.

use candle_core::Tensor;

use crate::{Logits, PseudoLabels, Result, Seen, Stateful};

/// What a loss of unlabelled faces may look at.
#[derive(Clone, Copy, Debug)]
pub struct UnlabeledFaces<'a> {
    /// What the network made of the weak views, without gradient.
    pub seen: &'a Seen,
    /// The strong view's logits.
    pub strong: &'a Logits,
    /// The pseudo-labels.
    pub labels: &'a PseudoLabels,
    /// How much the host's selector lets each face count `(M,)`.
    pub weights: &'a Tensor,
}

/// Each face's loss, with what was measured on the way.
#[derive(Clone, Debug)]
pub struct FaceLosses {
    /// `(M,)`, weighted and not reduced: the trainer takes the mean over all M faces.
    pub losses: Tensor,
    /// Measurements by name (scalars without gradient).
    pub diagnostics: Vec<(String, Tensor)>,
}

/// The loss of unlabelled faces.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a loss of unlabelled faces",
    note = "implement `leaf_ssl::UnlabeledLoss`: `losses` gives each face its weighted loss (M,)"
)]
pub trait UnlabeledLoss: Stateful {
    /// Each face's weighted loss.
    ///
    /// # Errors
    /// When the shapes do not fit.
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses>;
}

impl<L: UnlabeledLoss + ?Sized> UnlabeledLoss for Box<L> {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        (**self).losses(faces)
    }
}

/// A loss of unlabelled faces that was chosen at run time.
pub type BoxedLoss = Box<dyn UnlabeledLoss + Send>;

/// `m_i CE(z_i, target_i)`: the strong view must predict the pseudo-label, hard or soft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CrossEntropy;

impl Stateful for CrossEntropy {}

impl UnlabeledLoss for CrossEntropy {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        Ok(FaceLosses {
            losses: (faces.labels.cross_entropy(faces.strong)? * faces.weights)?,
            diagnostics: Vec::new(),
        })
    }
}
