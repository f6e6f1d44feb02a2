//! What a classification head gives.

use candle_core::Tensor;

use crate::Routing;

/// A head's output for N rows.
#[derive(Clone, Debug)]
pub struct HeadOutput {
    /// Scores before the softmax `(N, C)`.
    pub logits: Tensor,
    /// What the semantic level gives, scaled to unit length `(N, D)`: what contrastive losses and the
    /// [`invariance`](crate::invariance) compare.
    pub features: Tensor,
    /// What the semantic level gives `(N, D)`: what further heads read.
    pub aggregated: Tensor,
    /// The sum of the mixtures' balance losses, unweighted (scalar); `None` without mixtures.
    pub balance: Option<Tensor>,
    /// The mixtures' decisions by level (`"semantic"`, `"instance"`).
    pub routing: Vec<(&'static str, Routing)>,
}
