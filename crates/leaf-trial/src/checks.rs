//! What every trainer must pass.

use std::collections::BTreeMap;

use candle_core::DType;
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::{STEPS, Trial, batch, strong_gradients};

/// Fails unless a run that is saved after any step and goes on in fresh objects ends with the same
/// weights, averages and state, bit for bit, as one that was not interrupted.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When the runs differ, naming the step.
pub fn assert_resumes(
    leaf: &LeafConfig,
    build: impl Fn() -> Result<Box<dyn Algorithm>>,
) -> Result<()> {
    let mut whole = build()?;
    let mut trial = Trial::new(leaf, &whole)?;
    trial.train(&mut whole, 0..STEPS)?;
    let expected = (trial.bits()?, state_bits(&*whole)?);
    for saved_after in 0..STEPS {
        let mut first = build()?;
        let mut before = Trial::new(leaf, &first)?;
        before.train(&mut first, 0..saved_after)?;
        let state = first.state()?;
        let mut resumed = build()?;
        let mut after = Trial::new(leaf, &resumed)?;
        after.continue_from(&before)?;
        resumed.load_state(&state)?;
        after.train(&mut resumed, saved_after..STEPS)?;
        assert!(
            (after.bits()?, state_bits(&*resumed)?) == expected,
            "{}: saved after step {saved_after} it goes on differently",
            resumed.name()
        );
    }
    Ok(())
}

fn state_bits(algorithm: &dyn Algorithm) -> Result<BTreeMap<String, Vec<u64>>> {
    let entries = algorithm.state()?.into_iter();
    entries
        .map(|(name, tensor)| {
            let values = tensor
                .to_dtype(DType::F64)?
                .flatten_all()?
                .to_vec1::<f64>()?;
            Ok((name, values.into_iter().map(f64::to_bits).collect()))
        })
        .collect()
}

/// The largest magnitude of each trainable parameter's gradient in the first step; `None` where
/// there is none.
///
/// # Errors
/// Those of the algorithm.
pub fn largest_gradients(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<BTreeMap<String, Option<f64>>> {
    let trial = Trial::new(leaf, &*algorithm)?;
    let batch = batch(index, algorithm.views())?;
    let losses = trial.losses(algorithm, &batch, index)?;
    let grads = losses.total.backward()?;
    let largest = |(name, var): (String, candle_core::Var)| {
        let grad = grads.get(&var).map(|grad| -> Result<f64> {
            let grad = grad.abs()?.flatten_all()?.max(0)?;
            Ok(grad.to_dtype(DType::F64)?.to_scalar()?)
        });
        Ok((name, grad.transpose()?))
    };
    trial
        .parameters
        .trainable()
        .into_iter()
        .map(largest)
        .collect()
}

/// Fails unless every trainable parameter gets a gradient in a step near the end, and one that is not
/// 0 unless `may_be_zero` says so.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a parameter gets none, naming it.
pub fn assert_every_parameter_learns(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    may_be_zero: impl Fn(&str) -> bool,
) -> Result<()> {
    for (name, largest) in largest_gradients(leaf, algorithm, STEPS - 1)? {
        let largest = largest.unwrap_or_else(|| panic!("{name} gets no gradient"));
        assert!(
            largest.is_finite() && (largest > 0. || may_be_zero(&name)),
            "{name} has the gradient {largest}"
        );
    }
    Ok(())
}

/// Fails unless some faces are accepted and some rejected, the accepted ones' strong views have a
/// gradient and the rejected ones' have none at all.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a face's gradient is not as its weight says.
pub fn assert_rejected_faces_cost_nothing(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
) -> Result<()> {
    let faces = strong_gradients(leaf, algorithm, STEPS - 1)?;
    let accepted = faces.iter().filter(|face| face.weight > 0.).count();
    assert!(
        accepted > 0 && accepted < faces.len(),
        "{accepted} of {} faces are accepted: nothing is tried",
        faces.len()
    );
    for face in faces {
        assert!(
            face.gradient.is_finite() && (face.weight > 0.) == (face.gradient > 0.),
            "{face:?}"
        );
    }
    Ok(())
}
