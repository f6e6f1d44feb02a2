//! Small matrices with rows and columns exchanged, their rows anywhere in memory.

use super::simd::Isa;

/// Rows and columns of a matrix.
pub(super) const SIDE: usize = 16;

/// Writes `to[to_at[j] + i] = from[from_at[i] + j]` for all i and j below [`SIDE`].
///
/// Rows that are not wanted may be written to a place of their own.
pub(super) fn transpose(
    isa: Isa,
    (from, from_at): (&[f32], &[usize; SIDE]),
    (to, to_at): (&mut [f32], &[usize; SIDE]),
) {
    let fits = |at: &[usize; SIDE], len: usize| at.iter().all(|at| at + SIDE <= len);
    assert!(fits(from_at, from.len()) && fits(to_at, to.len()));
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has AVX-512, and all rows were checked.
        Isa::Avx512(_) => unsafe { avx512(from, from_at, to, to_at) },
        _ => {
            for (i, from_at) in from_at.iter().enumerate() {
                for (value, to_at) in from[*from_at..][..SIDE].iter().zip(to_at) {
                    to[to_at + i] = *value;
                }
            }
        }
    }
}

/// Four rounds of exchanges: pairs of numbers, pairs of pairs, and so on.
///
/// # Safety
/// All rows must lie inside the slices.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(from: &[f32], from_at: &[usize; SIDE], to: &mut [f32], to_at: &[usize; SIDE]) {
    use std::arch::x86_64::*;
    let mut rows = [_mm512_setzero_ps(); SIDE];
    for (row, at) in rows.iter_mut().zip(from_at) {
        // SAFETY: the caller's.
        *row = unsafe { _mm512_loadu_ps(from.as_ptr().add(*at)) };
    }
    let mut pairs = rows;
    for i in 0..SIDE / 2 {
        let (a, b) = (rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i] = _mm512_unpacklo_ps(a, b);
        pairs[2 * i + 1] = _mm512_unpackhi_ps(a, b);
    }
    let mut fours = pairs;
    for i in 0..SIDE / 4 {
        for half in 0..2 {
            let (a, b) = (pairs[4 * i + half], pairs[4 * i + 2 + half]);
            let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
            fours[4 * i + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            fours[4 * i + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    // `fours[4 i + c]` holds, in each of its quarters q, column 4 q + c of rows 4 i to 4 i + 3.
    for column in 0..4 {
        let [a, b, c, d] = [0, 4, 8, 12].map(|row| row + column);
        let low = _mm512_shuffle_f32x4::<0x44>(fours[a], fours[b]);
        let high = _mm512_shuffle_f32x4::<0xee>(fours[a], fours[b]);
        let low2 = _mm512_shuffle_f32x4::<0x44>(fours[c], fours[d]);
        let high2 = _mm512_shuffle_f32x4::<0xee>(fours[c], fours[d]);
        let columns = [
            _mm512_shuffle_f32x4::<0x88>(low, low2),
            _mm512_shuffle_f32x4::<0xdd>(low, low2),
            _mm512_shuffle_f32x4::<0x88>(high, high2),
            _mm512_shuffle_f32x4::<0xdd>(high, high2),
        ];
        for (quarter, values) in columns.into_iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr().add(to_at[4 * quarter + column]), values) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::InstructionSet;

    #[test]
    fn rows_and_columns_change_places() {
        let from: Vec<f32> = (0..SIDE * 20).map(|i| i as f32).collect();
        let from_at = std::array::from_fn(|i| (SIDE - 1 - i) * 20 + 3);
        let to_at: [usize; SIDE] = std::array::from_fn(|j| j * 17);
        for isa in InstructionSet::available().into_iter().filter_map(Isa::of) {
            let mut to = vec![-1.; SIDE * 17];
            transpose(isa, (&from, &from_at), (&mut to, &to_at));
            for i in 0..SIDE {
                for j in 0..SIDE {
                    assert_eq!(to[to_at[j] + i], from[from_at[i] + j], "{isa:?} {i} {j}");
                }
            }
        }
    }
}
