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

/// Faces with their labels.
#[derive(Clone, Debug)]
pub struct Labeled {
    /// `(B, channels, height, width)`.
    pub images: Tensor,
    /// Classes `(B,)`, u32.
    pub labels: Tensor,
    /// Each face's place in the data set's training list.
    pub index: Vec<usize>,
}

/// Views of the same M faces: row i of every view shows the face `index[i]`.
#[derive(Clone, Debug, Default)]
pub struct Unlabeled {
    /// Weak views, each `(M, channels, height, width)`.
    pub weak: Vec<Tensor>,
    /// Strong views, each `(M, channels, height, width)`.
    pub strong: Vec<Tensor>,
    /// Each face's place in the data set's training list.
    pub index: Vec<usize>,
    /// The true classes, if known: for measuring pseudo-labels, never for training.
    pub hidden_labels: Option<Vec<u32>>,
}
