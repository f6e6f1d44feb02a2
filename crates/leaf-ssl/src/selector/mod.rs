//! What decides which pseudo-labels are trained on.

mod class_thresholds;
mod curriculum;
mod fixed;
mod gaussian;
mod self_adaptive;

use candle_core::{DType, Device, Tensor};

pub use class_thresholds::ClassThresholds;
pub use curriculum::{Curriculum, CurriculumConfig};
pub use fixed::FixedThreshold;
pub use gaussian::{Gaussian, GaussianConfig, StatisticsOf};
pub use self_adaptive::{SelfAdaptive, SelfAdaptiveConfig, fairness};

use crate::{Probs, PseudoLabels, Result, Stateful};

/// What a selector may look at.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The pseudo-labels of M unlabelled faces.
    pub labels: &'a PseudoLabels,
    /// Each unlabelled face's place in the training list.
    pub index: &'a [usize],
    /// What the labelled faces of the batch are predicted to be.
    pub labeled: &'a Probs,
}

/// Decides how much each pseudo-label counts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selector",
    note = "implement `leaf_ssl::Selector`: `select` gives each pseudo-label a weight (M,)"
)]
pub trait Selector: Stateful {
    /// A weight in `[0, 1]` for each unlabelled face `(M,)`, without gradient.
    ///
    /// # Errors
    /// Those of candle.
    fn select(&mut self, candidates: &Candidates) -> Result<Tensor>;
}

/// The pseudo-labels' classes and confidences as plain numbers, for rules that count.
fn on_host(labels: &PseudoLabels) -> Result<Vec<(usize, f32)>> {
    let classes = labels.classes.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
    let confidence = labels.confidence.to_device(&Device::Cpu)?;
    let confidence = confidence.to_dtype(DType::F32)?.to_vec1::<f32>()?;
    let classes = classes.into_iter().map(|class| class as usize);
    Ok(classes.zip(confidence).collect())
}

/// Weights of plain numbers `(M,)`, as the confidences are stored.
fn weights(values: Vec<f32>, labels: &PseudoLabels) -> Result<Tensor> {
    let like = &labels.confidence;
    let count = values.len();
    let weights = Tensor::from_vec(values, count, &Device::Cpu)?;
    Ok(weights.to_dtype(like.dtype())?.to_device(like.device())?)
}
