//! What every trainer must pass with every preset.

use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::{assert_every_parameter_learns, assert_resumes, presets};

/// Fails unless with every preset each parameter gets a gradient and a saved run goes on bit for bit.
///
/// Excused are the released gate and the first layer of a robust expert, whose gradients are 0.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a parameter gets none, or a run goes on differently.
pub fn assert_trainer<A: Algorithm + 'static>(
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    for (preset, leaf) in presets() {
        let mut algorithm = build(leaf.clone())?;
        let excused = |path: &str| may_be_zero(preset, path);
        assert_every_parameter_learns(&leaf, &mut algorithm, excused)?;
        assert_resumes(&leaf, || Ok(Box::new(build(leaf.clone())?)))?;
    }
    Ok(())
}

/// Whether a parameter's gradient may be 0 at the initial weights of a preset, by its name in [`presets`].
///
/// The released gate's one weight is the constant 1 and its balance is dropped: it is dead. A robust
/// expert's last layer starts at 0 and lets nothing through to the first.
pub fn may_be_zero(preset: &str, path: &str) -> bool {
    match preset {
        "released" => path.contains(".gate."),
        "robust" => path.contains(".experts.") && path.contains(".fc1."),
        _ => false,
    }
}
