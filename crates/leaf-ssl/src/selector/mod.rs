//! What decides which pseudo-labels are trained on.

mod adaptive_margins;
mod class_thresholds;
mod curriculum;
mod fixed;
mod gaussian;
mod loss_bound;
mod relative;
mod self_adaptive;

use candle_core::{DType, Device, Tensor};

pub use adaptive_margins::AdaptiveMargins;
pub use class_thresholds::ClassThresholds;
pub use curriculum::{Curriculum, CurriculumConfig};
pub use fixed::FixedThreshold;
pub use gaussian::{Gaussian, GaussianConfig, StatisticsOf};
pub use loss_bound::{LossBound, LossBoundConfig};
pub use relative::RelativeThreshold;
pub use self_adaptive::{SelfAdaptive, SelfAdaptiveConfig, fairness};

use crate::{Context, Logits, PseudoLabels, Result, Seen, Stateful, Step, Views};

/// Decides how much each pseudo-label counts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selector",
    note = "implement `leaf_ssl::Selector`: `select` gives each pseudo-label a weight (M,)"
)]
pub trait Selector: Stateful {
    /// What the rule needs beside a weak and a strong view, for instance the faces' places.
    fn needs(&self) -> Views {
        Views::NONE
    }

    /// Before a step's faces go through the network: for rules that look at all labelled faces now and
    /// then.
    ///
    /// # Errors
    /// When the context lacks what the rule needs.
    fn prepare(&mut self, _context: &Context, _step: Step) -> Result<()> {
        Ok(())
    }

    /// A weight in `[0, 1]` for each unlabelled face `(M,)`. A rule may change what the labels ask for,
    /// as Dash does, whose labels become hard in the end.
    ///
    /// # Errors
    /// Those of candle.
    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor>;

    /// The confidence from which a pseudo-label counts in full, as it stands now: one for all classes `(1,)`
    /// or one a class `(C,)`; `None` for a rule that has no such thing, or not yet.
    ///
    /// # Errors
    /// Those of candle.
    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// A term that the rule adds to the loss, given the strong view's logits and the weights.
    ///
    /// # Errors
    /// Those of candle.
    fn regularize(&self, _strong: &Logits, _weights: &Tensor) -> Result<Option<Penalty>> {
        Ok(None)
    }
}

/// A term that a selector adds to the loss.
#[derive(Clone, Debug)]
pub struct Penalty {
    /// How it is reported.
    pub name: &'static str,
    /// The term (scalar).
    pub loss: Tensor,
    /// What it is multiplied by.
    pub weight: f64,
}

impl<S: Selector + ?Sized> Selector for Box<S> {
    fn needs(&self) -> Views {
        (**self).needs()
    }

    fn prepare(&mut self, context: &Context, step: Step) -> Result<()> {
        (**self).prepare(context, step)
    }

    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor> {
        (**self).select(labels, seen)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        (**self).thresholds()
    }

    fn regularize(&self, strong: &Logits, weights: &Tensor) -> Result<Option<Penalty>> {
        (**self).regularize(strong, weights)
    }
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
