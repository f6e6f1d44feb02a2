//! Faces above the threshold.

use candle_core::{DType, Tensor};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result, UTILIZATION};

use crate::{
    STEPS, Trial, UNLABELED, batch, largest_gradients, measurement, presets, step_losses,
    strong_gradients, term, term_names, unlabeled_alone,
};

/// The least that reaches the encoder when something is learned.
const LEAST: f64 = 1e-4;

/// Fails unless, with every preset and [`unlabeled_alone`], the second term is the unlabelled faces' and
/// more than 0, the encoder learns from it, without LEAF every parameter does, and an accepted face's
/// strong view has a gradient, where there are strong views. Trainers that take LEAF's aggregation alone keep
/// their labelled faces' weight: for them see [`assert_encoder_follows`].
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When nothing is learned, naming the preset.
pub fn assert_learns_above_threshold<A: Algorithm>(
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    for (preset, leaf) in presets() {
        let leaf = unlabeled_alone(leaf);
        let build = || build(leaf.clone());
        let losses = step_losses(&leaf, &mut build()?, STEPS - 1)?;
        assert_eq!(term_names(&losses)[1], "unlabeled", "{preset}");
        let unlabeled = term(&losses, "unlabeled")?;
        assert!(unlabeled > 0., "{preset}: the term is {unlabeled}");

        let gradients = largest_gradients(&leaf, &mut build()?, STEPS - 1)?;
        let encoder = gradients["encoder.weight"];
        assert!(encoder > Some(LEAST), "{preset}: {gradients:?}");
        let all = gradients.values().all(|largest| *largest > Some(0.));
        assert!(all || preset != "off", "{preset}: {gradients:?}");

        let mut algorithm = build()?;
        if algorithm.views().strong > 0 {
            let faces = strong_gradients(&leaf, &mut algorithm, STEPS - 1)?;
            let mut faces = faces.iter();
            let learned = faces.any(|face| face.weight > 0. && face.gradient > 0.);
            assert!(learned, "{preset}: no strong view is learned from");
        }
    }
    Ok(())
}

/// Fails unless with every preset the encoder's gradient is another without some term than with it.
///
/// # Errors
/// Those of the algorithms.
///
/// # Panics
/// When nothing is learned from the term, naming the preset.
pub fn assert_encoder_follows<A: Algorithm>(
    with: impl Fn(LeafConfig) -> Result<A>,
    without: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    for (preset, leaf) in presets() {
        let with = encoder_gradient(&leaf, with(leaf.clone())?)?;
        let without = encoder_gradient(&leaf, without(leaf.clone())?)?;
        let difference = (with - without)?.abs()?.flatten_all()?.max(0)?;
        let difference = difference.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        assert!(difference > LEAST, "{preset}: {difference}");
    }
    Ok(())
}

/// The gradient of the encoder's matrix near the end of a run, at the initial weights.
fn encoder_gradient(leaf: &LeafConfig, mut algorithm: impl Algorithm) -> Result<Tensor> {
    let trial = Trial::new(leaf, &algorithm)?;
    let batch = batch(STEPS - 1, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
    let grads = losses.total.backward()?;
    let encoder = &trial.parameters.trainable()["encoder.weight"];
    let gradient = grads.get(encoder).expect("the encoder gets a gradient");
    Ok(gradient.detach())
}

/// Fails unless with every preset each unlabelled face has a class and the weight 1, and the first
/// measurement says so.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a face counts less, naming the preset.
pub fn assert_every_face_counts<A: Algorithm>(
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    for (preset, leaf) in presets() {
        let losses = step_losses(&leaf, &mut build(leaf.clone())?, STEPS - 1)?;
        assert_eq!(losses.diagnostics[0].0, UTILIZATION, "{preset}");
        assert_eq!(measurement(&losses, UTILIZATION)?, 1., "{preset}");
        let selection = losses.selection.expect("the algorithm selects");
        assert_eq!(selection.classes.dims(), [UNLABELED], "{preset}");
        let weights = selection.weights.to_dtype(DType::F64)?;
        assert_eq!(weights.to_vec1::<f64>()?, [1.; UNLABELED], "{preset}");
    }
    Ok(())
}
