//! Faces below the threshold.

use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::{STEPS, faces_apart, view_gradients};

/// Fails unless some faces are accepted and some rejected, the accepted ones' views have a gradient and
/// the rejected ones' have none at all.
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
    let faces = view_gradients(leaf, algorithm, STEPS - 1)?;
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

/// [`assert_rejected_faces_cost_nothing`] with each preset of [`faces_apart`].
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a face's gradient is not as its weight says.
pub fn assert_only_accepted_faces_teach<A: Algorithm>(
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    for leaf in faces_apart() {
        assert_rejected_faces_cost_nothing(&leaf, &mut build(leaf.clone())?)?;
    }
    Ok(())
}
