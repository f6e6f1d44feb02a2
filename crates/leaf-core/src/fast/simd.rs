//! Registers of f32: loading, storing, and running a kernel with the widest ones that there are.

use std::any::TypeId;

use pulp::{Arch, Scalar, Scalar128b, Simd, WithSimd};

/// Runs a kernel compiled for the best instruction set of this processor.
#[inline]
pub(super) fn run<Op: WithSimd>(op: Op) -> Op::Output {
    Arch::new().dispatch(op)
}

/// A register's numbers from memory.
///
/// # Safety
/// `F32_LANES` numbers must be readable from `from` on.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(_simd: S, from: *const f32) -> S::f32s {
    // SAFETY: the caller's; the registers' types are plain numbers.
    unsafe { from.cast::<S::f32s>().read_unaligned() }
}

/// A register's numbers to memory.
///
/// # Safety
/// `F32_LANES` numbers must be writable from `to` on.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(_simd: S, to: *mut f32, values: S::f32s) {
    // SAFETY: the caller's.
    unsafe { to.cast::<S::f32s>().write_unaligned(values) }
}

/// The first `count` of a register's numbers from memory; the others are 0.
///
/// # Safety
/// `count` numbers must be readable from `from` on.
#[inline(always)]
pub(super) unsafe fn load_some<S: Simd>(simd: S, from: *const f32, count: usize) -> S::f32s {
    // SAFETY: the caller's.
    simd.partial_load_f32s(unsafe { std::slice::from_raw_parts(from, count) })
}

/// `a b + c`, fused where the processor can: a fused product in software takes a hundred times as long.
#[inline(always)]
pub(super) fn fma<S: Simd>(simd: S, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
    let set = TypeId::of::<S>();
    if set == TypeId::of::<Scalar128b>() || set == TypeId::of::<Scalar>() {
        simd.add_f32s(simd.mul_f32s(a, b), c)
    } else {
        simd.mul_add_e_f32s(a, b, c)
    }
}
