//! What one training step sees.

use candle_core::Tensor;

/// One step's faces.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Faces with labels, weakly augmented.
    pub labeled: Labeled,
    /// Views of faces without labels; empty for supervised training.
    pub unlabeled: Unlabeled,
}

impl Batch {
    /// How many images there are, all views of all faces together.
    pub fn images(&self) -> usize {
        let Unlabeled {
            weak,
            strong,
            rotated,
            ..
        } = &self.unlabeled;
        let views = weak.iter().chain(strong);
        let views = views.chain(rotated.as_ref().map(|rotated| &rotated.images));
        let views = views.chain([&self.labeled.images]);
        // A scalar has no rows.
        views.filter_map(|view| view.dims().first()).sum()
    }
}

/// Faces with their labels.
#[derive(Clone, Debug)]
pub struct Labeled {
    /// `(B, channels, height, width)`.
    pub images: Tensor,
    /// Classes `(B,)`, u32.
    pub labels: Tensor,
    /// Each face's place in the training list; empty unless the trainer asks for it.
    pub index: Vec<usize>,
}

/// Views of the same M faces: row i of every view shows the same face.
#[derive(Clone, Debug, Default)]
pub struct Unlabeled {
    /// Weak views, each `(M, channels, height, width)`.
    pub weak: Vec<Tensor>,
    /// Strong views, each `(M, channels, height, width)`.
    pub strong: Vec<Tensor>,
    /// The first strong view turned, if the trainer asks for it.
    pub rotated: Option<Rotated>,
    /// Each face's place in the training list; empty unless the trainer asks for it.
    pub index: Vec<usize>,
    /// Each face's true class, as far as it is known: whoever runs a trainer measures pseudo-labels by
    /// them, and no trainer reads them. Empty where none is known, otherwise one entry a face (M).
    pub hidden_labels: Vec<Option<u32>>,
}

/// Faces that were turned by a random number of quarters.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// `(M, channels, height, width)`.
    pub images: Tensor,
    /// By how many quarters each was turned, 0 to 3 `(M,)`, u32.
    pub quarters: Tensor,
}

impl Unlabeled {
    /// How many faces there are (M).
    ///
    /// # Errors
    /// When a view has no rows at all, as a scalar.
    pub fn faces(&self) -> crate::Result<usize> {
        let view = self.weak.iter().chain(&self.strong).next();
        view.map_or(Ok(0), |view| Ok(view.dim(0)?))
    }
}
