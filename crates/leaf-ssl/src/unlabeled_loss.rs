//! What an unlabelled face costs.

use candle_core::Tensor;
use leaf_core::cross_entropy;

use crate::{Logits, PseudoLabels, Result, Stateful, Step};

/// What a loss of unlabelled faces may look at.
#[derive(Clone, Copy, Debug)]
pub struct UnlabeledFaces<'a> {
    /// The weak views' logits, without gradient.
    pub weak: &'a [Logits],
    /// The strong view's logits.
    pub strong: &'a Logits,
    /// The pseudo-labels.
    pub labels: &'a PseudoLabels,
    /// How much the host's selector lets each face count `(M,)`.
    pub weights: &'a Tensor,
    /// Where the run stands.
    pub step: Step,
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

/// `m_i CE(z_i, class_i)`: the strong view must predict the pseudo-label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HardCrossEntropy;

impl Stateful for HardCrossEntropy {}

impl UnlabeledLoss for HardCrossEntropy {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        Ok(FaceLosses {
            losses: hard_cross_entropy(faces)?,
            diagnostics: Vec::new(),
        })
    }
}

pub(crate) fn hard_cross_entropy(faces: &UnlabeledFaces) -> Result<Tensor> {
    let losses = cross_entropy(faces.strong.tensor(), &faces.labels.classes)?;
    Ok((losses * faces.weights)?)
}
