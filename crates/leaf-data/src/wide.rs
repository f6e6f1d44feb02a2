//! Loops for the processor's widest vectors.

/// Runs a loop compiled for the vectors that this processor has; what it computes is the same on any.
#[inline(always)]
pub(crate) fn wide<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
