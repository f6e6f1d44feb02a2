//! Products of matrices, one thread each: dot products of rows, and sums of weighted rows.
//!
//! Weights `(out, in)` are never rearranged. `x W^T` is made of dot products, whose sums lie across a
//! register until the end; `dy W` and `dy^T x` are sums of rows. Few rows of x make either one a single
//! pass over the weights, which is what a mixture's small batches cost.

use pulp::{Simd, WithSimd};

use super::matrix::{Source, Target};
use super::simd::{fma, load, load_some, run, store};

/// Rows of the left side that a tile has at most.
const TILE: usize = 6;
/// Rows of the right side in a tile of dot products.
const DOTS: usize = 4;
/// Sums longer than this are cut and added up in memory: errors grow with the length, and the rows that
/// are summed stay in the cache.
const CHAIN: usize = 256;

/// `out[i][j] = sum over k of a[i][k] b[j][k]`; both sides have columns next to each other.
pub(super) fn dots(a: Source<'_>, b: Source<'_>, out: Target<'_>) {
    assert_eq!((a.column_step(), b.column_step()), (1, 1));
    assert_eq!(a.column_count(), b.column_count());
    assert_eq!(
        (out.row_count(), out.column_count()),
        (a.row_count(), b.row_count())
    );
    run(Dots { a, b, out });
}

struct Dots<'a> {
    a: Source<'a>,
    b: Source<'a>,
    out: Target<'a>,
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let tile = if S::F32_LANES == 16 { TILE } else { TILE / 2 };
        let (rows, columns) = (self.a.row_count(), self.b.row_count());
        for j in (0..columns).step_by(DOTS) {
            for i in (0..rows).step_by(tile) {
                let height = tile.min(rows - i);
                if columns - j < DOTS {
                    for j in j..columns {
                        self.height::<S, 1>(simd, i, j, height);
                    }
                } else {
                    self.height::<S, DOTS>(simd, i, j, height);
                }
            }
        }
    }
}

impl Dots<'_> {
    #[inline(always)]
    fn height<S: Simd, const V: usize>(&mut self, simd: S, i: usize, j: usize, height: usize) {
        match height {
            1 => self.tile::<S, 1, V>(simd, i, j),
            2 => self.tile::<S, 2, V>(simd, i, j),
            3 => self.tile::<S, 3, V>(simd, i, j),
            4 => self.tile::<S, 4, V>(simd, i, j),
            5 => self.tile::<S, 5, V>(simd, i, j),
            _ => self.tile::<S, TILE, V>(simd, i, j),
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize>(&mut self, simd: S, i: usize, j: usize) {
        let len = self.a.column_count();
        let mut sums = [[simd.splat_f32s(0.); V]; M];
        let mut a = [self.a.start(); M];
        let mut b = [self.b.start(); V];
        for (m, a) in a.iter_mut().enumerate() {
            *a = a.wrapping_add((i + m) * self.a.row_step());
        }
        for (v, b) in b.iter_mut().enumerate() {
            *b = b.wrapping_add((j + v) * self.b.row_step());
        }
        let whole = len - len % S::F32_LANES;
        let mut k = 0;
        while k < whole {
            // SAFETY: the rows are inside the matrices and k + F32_LANES is at most their length.
            unsafe { multiply::<S, M, V, true>(simd, &a, &b, k, 0, &mut sums) };
            k += S::F32_LANES;
        }
        if whole < len {
            // SAFETY: `len - whole` numbers of each row are left.
            unsafe { multiply::<S, M, V, false>(simd, &a, &b, whole, len - whole, &mut sums) };
        }
        let step = self.out.step();
        for (m, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: row i + m and column j + v are in the output.
                unsafe {
                    let out = self.out.start().add((i + m) * step + j + v);
                    *out = simd.reduce_sum_f32s(sum);
                }
            }
        }
    }
}

/// A register's numbers of each row, or `rest` of them, from `k` on.
///
/// # Safety
/// That many must be readable there.
#[inline(always)]
unsafe fn multiply<S: Simd, const M: usize, const V: usize, const WHOLE: bool>(
    simd: S,
    a: &[*const f32; M],
    b: &[*const f32; V],
    k: usize,
    rest: usize,
    sums: &mut [[S::f32s; V]; M],
) {
    // The shorter side stays in registers: AVX2 has 16 of them, of which 12 are the sums of 3 x 4 rows.
    let mut left = [simd.splat_f32s(0.); M];
    for (a, left) in a.iter().zip(&mut left) {
        // SAFETY: the caller's.
        *left = unsafe { part::<S, WHOLE>(simd, a.add(k), rest) };
    }
    for (v, b) in b.iter().enumerate() {
        // SAFETY: the caller's.
        let right = unsafe { part::<S, WHOLE>(simd, b.add(k), rest) };
        for (left, sums) in left.iter().zip(&mut *sums) {
            sums[v] = fma(simd, *left, right, sums[v]);
        }
    }
}

/// # Safety
/// A register's numbers, or `rest` of them, must be readable.
#[inline(always)]
unsafe fn part<S: Simd, const WHOLE: bool>(simd: S, from: *const f32, rest: usize) -> S::f32s {
    // SAFETY: the caller's.
    unsafe {
        match WHOLE {
            true => load(simd, from),
            false => load_some(simd, from, rest),
        }
    }
}

/// `out[i] (+)= sum over k of a[i][k] b[k]`; the rows of b have columns next to each other.
pub(super) fn weighted_rows(a: Source<'_>, b: Source<'_>, out: Target<'_>, accumulate: bool) {
    assert_eq!(b.column_step(), 1);
    assert_eq!(a.column_count(), b.row_count());
    assert_eq!(
        (out.row_count(), out.column_count()),
        (a.row_count(), b.column_count())
    );
    run(WeightedRows {
        a,
        b,
        out,
        accumulate,
    });
}

struct WeightedRows<'a> {
    a: Source<'a>,
    b: Source<'a>,
    out: Target<'a>,
    accumulate: bool,
}

/// What a tile of weighted rows covers.
#[derive(Clone, Copy)]
struct Place {
    i: usize,
    j: usize,
    k: usize,
    len: usize,
    /// Columns of the last register that count; all of them unless the tile is the last of its rows.
    width: usize,
    accumulate: bool,
}

impl WithSimd for WeightedRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let total = self.a.column_count();
        let mut k = 0;
        loop {
            let len = CHAIN.min(total - k);
            let accumulate = self.accumulate || k > 0;
            if S::F32_LANES == 16 {
                self.chain::<S, 4>(simd, k, len, accumulate);
            } else {
                self.chain::<S, 2>(simd, k, len, accumulate);
            }
            k += len;
            if k == total {
                break;
            }
        }
    }
}

impl WeightedRows<'_> {
    #[inline(always)]
    fn chain<S: Simd, const V: usize>(&mut self, simd: S, k: usize, len: usize, accumulate: bool) {
        let (rows, columns) = (self.a.row_count(), self.b.column_count());
        let mut j = 0;
        while j < columns {
            let left = columns - j;
            let wide = left >= V * S::F32_LANES;
            let covered = if wide { V } else { 1 } * S::F32_LANES;
            for i in (0..rows).step_by(TILE) {
                let place = Place {
                    i,
                    j,
                    k,
                    len,
                    width: left.min(S::F32_LANES),
                    accumulate,
                };
                let height = TILE.min(rows - i);
                if wide {
                    self.height::<S, V>(simd, place, height);
                } else {
                    self.height::<S, 1>(simd, place, height);
                }
            }
            j += covered.min(left);
        }
    }

    #[inline(always)]
    fn height<S: Simd, const V: usize>(&mut self, simd: S, place: Place, height: usize) {
        match height {
            1 => self.tile::<S, 1, V>(simd, place),
            2 => self.tile::<S, 2, V>(simd, place),
            3 => self.tile::<S, 3, V>(simd, place),
            4 => self.tile::<S, 4, V>(simd, place),
            5 => self.tile::<S, 5, V>(simd, place),
            _ => self.tile::<S, TILE, V>(simd, place),
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const M: usize, const V: usize>(&mut self, simd: S, place: Place) {
        let Place { i, j, k, .. } = place;
        let whole = place.width == S::F32_LANES;
        let zero = simd.splat_f32s(0.);
        let mut sums = [[zero; V]; M];
        let (a_row, a_column) = (self.a.row_step(), self.a.column_step());
        let mut a = self.a.start().wrapping_add(i * a_row + k * a_column);
        let mut b = self.b.start().wrapping_add(k * self.b.row_step() + j);
        for _ in 0..place.len {
            let mut right = [zero; V];
            // SAFETY: row k of b has V registers, or `width` numbers, from column j on; rows i to i + M
            // of a have column k.
            unsafe {
                for (v, right) in right.iter_mut().enumerate() {
                    let from = b.add(v * S::F32_LANES);
                    *right = match whole {
                        true => load(simd, from),
                        false => load_some(simd, from, place.width),
                    };
                }
                for (m, sums) in sums.iter_mut().enumerate() {
                    let left = simd.splat_f32s(*a.add(m * a_row));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = fma(simd, left, right, *sum);
                    }
                }
            }
            a = a.wrapping_add(a_column);
            b = b.wrapping_add(self.b.row_step());
        }
        let step = self.out.step();
        for (m, sums) in sums.into_iter().enumerate() {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: the tile lies in the output.
                unsafe {
                    let out = self.out.start().add((i + m) * step + j + v * S::F32_LANES);
                    write(simd, out, sum, place);
                }
            }
        }
    }
}

/// # Safety
/// A register's numbers, or `width` of them, must be writable at `out`.
#[inline(always)]
unsafe fn write<S: Simd>(simd: S, out: *mut f32, sum: S::f32s, place: Place) {
    // SAFETY: the caller's; only what was written before is read.
    unsafe {
        if place.width == S::F32_LANES {
            let sum = match place.accumulate {
                true => simd.add_f32s(load(simd, out), sum),
                false => sum,
            };
            return store(simd, out, sum);
        }
        let mut lanes = [0f32; 16];
        store(simd, lanes.as_mut_ptr(), sum);
        for (offset, value) in lanes.iter().enumerate().take(place.width) {
            let out = out.add(offset);
            out.write(if place.accumulate {
                *out + value
            } else {
                *value
            });
        }
    }
}

#[cfg(test)]
mod tests;
