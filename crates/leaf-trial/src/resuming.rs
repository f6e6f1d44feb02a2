//! Saving in the middle of a run.

use std::collections::BTreeMap;

use candle_core::DType;
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::presets::preset_name;
use crate::{STEPS, Trial};

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
    let mut first = build()?;
    let mut before = Trial::new(leaf, &first)?;
    for saved_after in 0..STEPS {
        let state = first.state()?;
        let mut resumed = build()?;
        let mut after = Trial::new(leaf, &resumed)?;
        after.continue_from(&before)?;
        resumed.load_state(&state)?;
        after.train(&mut resumed, saved_after..STEPS)?;
        assert!(
            (after.bits()?, state_bits(&*resumed)?) == expected,
            "{}, {}: saved after step {saved_after} it goes on differently",
            resumed.name(),
            preset_name(leaf)
        );
        before.train(&mut first, saved_after..saved_after + 1)?;
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
