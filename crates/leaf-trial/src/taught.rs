//! What each unlabelled face teaches.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result, Unlabeled};

use crate::{Trial, batch};

/// What one unlabelled face counts and teaches in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taught {
    /// The weight that the selector gave it.
    pub weight: f64,
    /// The largest magnitude of the loss's gradient in its view's pixels.
    pub gradient: f64,
}

/// What each unlabelled face counts and teaches by its first strong view in the step of that number, at
/// the initial weights.
///
/// No row of the trial's network sees another, so only a loss can mix them. The balance loss does: give
/// it the weight 0.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When the algorithm selects nothing or the views get no gradient at all.
pub fn strong_gradients(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<Vec<Taught>> {
    gradients_in(|faces| &mut faces.strong[0], leaf, algorithm, index)
}

/// The same by the view that is trained on: the first strong one, or the first weak one of a trainer that
/// has no strong ones.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When the algorithm selects nothing or the views get no gradient at all.
pub fn view_gradients(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<Vec<Taught>> {
    match algorithm.views().strong {
        0 => gradients_in(|faces| &mut faces.weak[0], leaf, algorithm, index),
        _ => strong_gradients(leaf, algorithm, index),
    }
}

fn gradients_in(
    view: impl Fn(&mut Unlabeled) -> &mut Tensor,
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<Vec<Taught>> {
    let trial = Trial::new(leaf, &*algorithm)?;
    let faces = trial.pixel_gradients(view, algorithm, index)?.into_iter();
    let largest = |pixels: Vec<f64>| {
        // In the total order what is not a number comes out on top.
        let pixels = pixels.into_iter().map(f64::abs);
        pixels.max_by(f64::total_cmp).unwrap_or(0.)
    };
    Ok(faces
        .map(|(weight, pixels)| Taught {
            weight,
            gradient: largest(pixels),
        })
        .collect())
}

impl Trial {
    /// Each unlabelled face's weight, and the loss's gradient in the pixels of its first strong view, in
    /// the step of that number, at the weights so far.
    ///
    /// # Errors
    /// Those of the algorithm.
    ///
    /// # Panics
    /// When the algorithm selects nothing or the views get no gradient at all.
    pub fn strong_pixel_gradients(
        &self,
        algorithm: &mut dyn Algorithm,
        index: usize,
    ) -> Result<Vec<(f64, Vec<f64>)>> {
        self.pixel_gradients(|faces| &mut faces.strong[0], algorithm, index)
    }

    fn pixel_gradients(
        &self,
        view: impl Fn(&mut Unlabeled) -> &mut Tensor,
        algorithm: &mut dyn Algorithm,
        index: usize,
    ) -> Result<Vec<(f64, Vec<f64>)>> {
        let mut batch = batch(index, algorithm.views())?;
        let images = view(&mut batch.unlabeled);
        let watched = Var::from_tensor(images)?;
        *images = watched.as_tensor().clone();
        let losses = self.losses(algorithm, &batch, index)?;
        let weights = losses.selection.expect("the algorithm selects").weights;
        let weights = weights.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        let grads = losses.total.backward()?;
        let grads = grads.get(&watched).expect("the views get a gradient");
        let pixels = grads.flatten_from(1)?.to_dtype(DType::F64)?;
        let weights = weights.to_vec1()?.into_iter();
        Ok(weights.zip(pixels.to_vec2()?).collect())
    }
}
