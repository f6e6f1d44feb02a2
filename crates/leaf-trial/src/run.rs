//! A whole run, bit for bit.

use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::{STEPS, Trial};

/// All weights and averages after a whole run, bit for bit.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a loss is not finite.
pub fn run_to_bits(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    let trace = trial.train(&mut algorithm, 0..STEPS)?;
    assert!(trace.iter().all(|loss| loss.is_finite()), "{trace:?}");
    trial.bits()
}

/// Fails unless a whole run with [`LeafConfig::off`] ends where the plain trainer's does, bit for bit, and
/// one with [`LeafConfig::robust`] neither there nor where the plain trainer of LEAF's network does.
///
/// # Errors
/// Those of the algorithms.
///
/// # Panics
/// When a run does not end as it must.
pub fn assert_off_is_plain<A: Algorithm>(
    plain: impl Algorithm,
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    let (off, robust) = (LeafConfig::off(), LeafConfig::robust());
    let plain = run_to_bits(plain, &off)?;
    let without = run_to_bits(build(off.clone())?, &off)?;
    assert!(plain == without, "without LEAF it is not the plain trainer");
    let with = run_to_bits(build(robust.clone())?, &robust)?;
    let network_alone = run_to_bits(build(off)?, &robust)?;
    assert!(
        with != plain && with != network_alone,
        "LEAF changes nothing"
    );
    Ok(())
}
