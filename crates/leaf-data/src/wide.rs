//! Loops for the processor's widest vectors.

use pulp::NullaryFnOnce;

/// Runs a loop compiled for the vectors that this processor has; what it computes is the same on any.
///
/// A short closure is inlined, and so compiled for them; longer work is a structure whose `call` always is.
#[inline(always)]
pub(crate) fn wide<W: NullaryFnOnce>(work: W) -> W::Output {
    pulp::Arch::new().dispatch(work)
}
