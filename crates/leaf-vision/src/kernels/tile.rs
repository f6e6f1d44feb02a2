//! The two products that convolutions are made of, one tile of registers at a time.

use pulp::Simd;

use super::simd::{fma, load, store};

/// Sums longer than this are cut and added up in memory: rounding errors grow with the length.
pub(super) const CHAIN: usize = 128;

/// Taps whose sums are added up in registers, at most.
pub(super) const TAPS_AT_ONCE: usize = 16;

/// Where the M rows of each tap of a tile begin.
pub(super) trait Rows<const M: usize>: Copy {
    /// The rows of a tap.
    ///
    /// # Safety
    /// `tap` must be below the number of taps.
    unsafe fn of(self, tap: usize) -> [*const f32; M];
}

impl<const M: usize> Rows<M> for &[[*const f32; M]] {
    #[inline(always)]
    unsafe fn of(self, tap: usize) -> [*const f32; M] {
        // SAFETY: the caller's.
        unsafe { *self.get_unchecked(tap) }
    }
}

/// Rows at equal distances, `offsets` of the taps from the first one.
#[derive(Clone, Copy)]
pub(super) struct Even<'a> {
    pub(super) from: *const f32,
    pub(super) offsets: &'a [usize],
    pub(super) step: usize,
}

impl<const M: usize> Rows<M> for Even<'_> {
    #[inline(always)]
    unsafe fn of(self, tap: usize) -> [*const f32; M] {
        // SAFETY: the caller's.
        let first = self
            .from
            .wrapping_add(unsafe { *self.offsets.get_unchecked(tap) });
        std::array::from_fn(|m| first.wrapping_add(m * self.step))
    }
}

/// `out[m] (+)= sum over taps t, k of rows[t][m][k] weights[t][k]`, for M rows of `V F32_LANES`
/// numbers.
///
/// `weights` holds one pointer a tap.
///
/// # Safety
/// Every row of as many taps as there are weights must have `run` readable numbers, every weight pointer
/// `run V F32_LANES`, and every output `V F32_LANES` writable ones.
#[inline(always)]
pub(super) unsafe fn product<S: Simd, const M: usize, const V: usize>(
    simd: S,
    rows: impl Rows<M>,
    weights: &[*const f32],
    run: usize,
    out: &[*mut f32; M],
    accumulate: bool,
) {
    let zero = simd.splat_f32s(0.);
    let mut sums = [[zero; V]; M];
    for (tap, weights) in weights.iter().enumerate() {
        // SAFETY: there are as many taps as weights.
        let row = unsafe { rows.of(tap) };
        let mut weights = *weights;
        for k in 0..run {
            // SAFETY: k is below `run`.
            unsafe {
                let mut weight = [zero; V];
                for (v, weight) in weight.iter_mut().enumerate() {
                    *weight = load(simd, weights.add(v * S::F32_LANES));
                }
                for (row, sums) in row.iter().zip(&mut sums) {
                    let x = simd.splat_f32s(*row.add(k));
                    for (sum, weight) in sums.iter_mut().zip(weight) {
                        *sum = fma(simd, x, weight, *sum);
                    }
                }
                weights = weights.add(V * S::F32_LANES);
            }
        }
    }
    for (out, sums) in out.iter().zip(sums) {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe {
                let out = out.add(v * S::F32_LANES);
                let sum = match accumulate {
                    true => simd.add_f32s(load(simd, out), sum),
                    false => sum,
                };
                store(simd, out, sum);
            }
        }
    }
}

/// A column of pairs of rows: `x` at `x_step i`, `dy` at `dy_step i`, or where lists of offsets say.
pub(super) trait Pairs: Copy {
    /// Where the i-th row of x and of dy begin.
    ///
    /// # Safety
    /// `i` must be below the number of pairs.
    unsafe fn at(&self, i: usize) -> (*const f32, *const f32);
}

/// Pairs at equal distances.
#[derive(Clone, Copy)]
pub(super) struct EvenPairs {
    pub(super) x: *const f32,
    pub(super) x_step: usize,
    pub(super) dy: *const f32,
    pub(super) dy_step: usize,
}

impl Pairs for EvenPairs {
    #[inline(always)]
    unsafe fn at(&self, i: usize) -> (*const f32, *const f32) {
        // SAFETY: the caller's.
        unsafe { (self.x.add(i * self.x_step), self.dy.add(i * self.dy_step)) }
    }
}

/// Rows at listed offsets.
#[derive(Clone, Copy)]
pub(super) struct Listed<'a> {
    pub(super) x: *const f32,
    pub(super) dy: *const f32,
    pub(super) offsets: &'a [(usize, usize)],
}

impl Pairs for Listed<'_> {
    #[inline(always)]
    unsafe fn at(&self, i: usize) -> (*const f32, *const f32) {
        // SAFETY: the caller's.
        unsafe {
            let (x, dy) = *self.offsets.get_unchecked(i);
            (self.x.add(x), self.dy.add(dy))
        }
    }
}

/// `out[m] += sum over i of x_i[m] dy_i`, for M channels of x and `V F32_LANES` of dy.
///
/// # Safety
/// The rows of x must have M readable numbers, those of dy `V F32_LANES`, and `out` M rows of
/// `V F32_LANES` writable ones, `out_step` apart.
#[inline(always)]
pub(super) unsafe fn outer_product<S: Simd, const M: usize, const V: usize>(
    simd: S,
    pairs: impl Pairs,
    count: usize,
    out: *mut f32,
    out_step: usize,
) {
    let zero = simd.splat_f32s(0.);
    let mut sums = [[zero; V]; M];
    for i in 0..count {
        // SAFETY: i is below `count`.
        unsafe {
            let (x, dy) = pairs.at(i);
            let mut gradient = [zero; V];
            for (v, gradient) in gradient.iter_mut().enumerate() {
                *gradient = load(simd, dy.add(v * S::F32_LANES));
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                let x = simd.splat_f32s(*x.add(m));
                for (sum, gradient) in sums.iter_mut().zip(gradient) {
                    *sum = fma(simd, x, gradient, *sum);
                }
            }
        }
    }
    for (m, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe {
                let out = out.add(m * out_step + v * S::F32_LANES);
                store(simd, out, simd.add_f32s(load(simd, out), sum));
            }
        }
    }
}
