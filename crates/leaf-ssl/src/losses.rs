//! What one training step gives.

use candle_core::Tensor;

/// One step's loss, its terms, and what tells a user early that something is dead.
#[derive(Clone, Debug)]
pub struct Losses {
    /// What is differentiated (scalar).
    pub total: Tensor,
    /// The terms before their weights, by name (scalars without gradient).
    pub terms: Vec<(&'static str, Tensor)>,
    /// Measurements by name, without gradient: scalars such as [`UTILIZATION`], or a value per
    /// expert such as `expert usage, semantic`.
    pub diagnostics: Vec<(String, Tensor)>,
    /// Which pseudo-labels were trained on, and how much; `None` for a rule without any.
    pub selection: Option<Selection>,
}

/// The pseudo-labels of a step's M unlabelled faces, for whoever knows the true classes.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The class that each face was taken for `(M,)`, u32.
    pub classes: Tensor,
    /// How much each counted `(M,)`.
    pub weights: Tensor,
}

impl Losses {
    /// A total with its terms, and nothing measured.
    pub fn new(total: Tensor, terms: Vec<(&'static str, Tensor)>) -> Self {
        Self {
            total,
            terms,
            diagnostics: Vec::new(),
            selection: None,
        }
    }
}

/// The mean of the selection's weights: the share of unlabelled faces that are trained on.
pub const UTILIZATION: &str = "utilization";
/// The mean of the largest probability of each pseudo-label.
pub const CONFIDENCE: &str = "confidence";
/// The mean loss of LEAF's category level, which is part of the unlabelled faces' loss.
pub const CATEGORY: &str = "category loss";
/// The mean number of positive classes of the faces that the category level acts on.
pub const SET_SIZE: &str = "set size";
/// The share of accepted pseudo-labels that are right, where the true classes are known.
pub const PSEUDO_ACCURACY: &str = "pseudo-label accuracy";
/// How the diagnostics name the share of rows that each expert serves; the level follows.
pub const EXPERT_USAGE: &str = "expert usage";
/// How the diagnostics name the entropy (nats) of the experts' shares of all gate weights in a step; the
/// level follows. It is the logarithm of the number of experts where all are used alike, 0 where one is.
pub const GATE_ENTROPY: &str = "gate entropy";
/// How the diagnostics name the mean entropy (nats) of one row's weights of its kept experts; the level
/// follows. It is 0 where a row keeps one expert.
pub const GATE_ENTROPY_OF_ROWS: &str = "gate entropy of rows";
/// The confidence from which a pseudo-label counts in full, as it stands after the step: one value, or one
/// a class ([`crate::Selector::thresholds`]).
pub const THRESHOLDS: &str = "thresholds";
