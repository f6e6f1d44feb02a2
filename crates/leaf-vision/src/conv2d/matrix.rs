//! Products of the small matrices of a convolution, one thread each.
//!
//! A matrix has as many entries a row as [`row_len`] says, zeros at the end, so that rows are whole
//! vectors. Neither operand is copied into another order first, as libraries for large matrices do:
//! here that would take longer than the product.

use pulp::{Arch, Simd, WithSimd};

use super::number::Number;

/// The products are computed in tiles of so many rows and columns (of vectors, or of dot products);
/// their sums stay in registers.
const TILE: (usize, usize) = (4, 2);

/// Twice the entries of the widest vector.
const ROW_UNIT: usize = 32;

/// The length of a row that holds so many entries: a multiple of two vectors, and no multiple of
/// 512, because rows so far apart would all fall into the same lines of the cache.
pub(super) fn row_len(entries: usize) -> usize {
    let len = entries.next_multiple_of(ROW_UNIT);
    match len % 512 {
        0 => len + ROW_UNIT,
        _ => len,
    }
}

/// A matrix of zeros with at least so many rows, which a product may read or write.
pub(super) fn zeros<T: Number>(rows: usize, row_len: usize) -> Vec<T> {
    vec![T::zero(); rows.next_multiple_of(TILE.0) * row_len]
}

/// The left operand of a product, in the order in which its tiles are read.
#[derive(Debug)]
pub(super) struct Left<T> {
    /// Tiles of rows; in each, for every column, the entries of the rows.
    tiles: Vec<T>,
    columns: usize,
}

impl<T: Number> Left<T> {
    /// From the entry of a row and a column.
    pub(super) fn new((rows, columns): (usize, usize), entry: impl Fn(usize, usize) -> T) -> Self {
        let mut tiles = Vec::with_capacity(rows.next_multiple_of(TILE.0) * columns);
        for start in (0..rows).step_by(TILE.0) {
            for column in 0..columns {
                let in_tile = (start..start + TILE.0).map(|row| match row < rows {
                    true => entry(row, column),
                    false => T::zero(),
                });
                tiles.extend(in_tile);
            }
        }
        Self { tiles, columns }
    }
}

/// `c = a b`, where b and c have rows of `row_len` entries.
pub(super) fn multiply<T: Number>(a: &Left<T>, b: &[T], c: &mut [T], row_len: usize) {
    Arch::new().dispatch(Multiply { a, b, c, row_len });
}

struct Multiply<'a, T> {
    a: &'a Left<T>,
    b: &'a [T],
    c: &'a mut [T],
    row_len: usize,
}

impl<T: Number> WithSimd for Multiply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let b = T::vectors::<S>(self.b);
        let width = self.row_len * b.len() / self.b.len().max(1);
        let c = T::vectors_mut::<S>(self.c);
        for column in (0..width).step_by(TILE.1) {
            let rows = c.chunks_exact_mut(TILE.0 * width);
            for (a, c) in self.a.tiles.chunks_exact(TILE.0 * self.a.columns).zip(rows) {
                let mut sums = [[T::splat(simd, T::zero()); TILE.1]; TILE.0];
                for (a, b) in a.chunks_exact(TILE.0).zip(b.chunks_exact(width)) {
                    let b = &b[column..column + TILE.1];
                    for (sums, a) in sums.iter_mut().zip(a) {
                        let a = T::splat(simd, *a);
                        for (sum, b) in sums.iter_mut().zip(b) {
                            *sum = T::multiply_add(simd, a, *b, *sum);
                        }
                    }
                }
                // One by one: a copy of the array would keep the sums in memory, not in registers.
                for i in 0..TILE.0 {
                    let [first, second] = sums[i];
                    let c = &mut c[i * width + column..][..TILE.1];
                    c[0] = first;
                    c[1] = second;
                }
            }
        }
    }
}

/// `c = a b^T`: the dot products of the rows of a `(rows, ..)` with those of b `(columns, ..)`, both
/// of `row_len` entries; c is `(rows, columns)` without zeros between its rows.
pub(super) fn multiply_transposed<T: Number>(
    a: &[T],
    b: &[T],
    c: &mut [T],
    columns: usize,
    row_len: usize,
) {
    Arch::new().dispatch(MultiplyTransposed {
        a,
        b,
        c,
        columns,
        row_len,
    });
}

struct MultiplyTransposed<'a, T> {
    a: &'a [T],
    b: &'a [T],
    c: &'a mut [T],
    columns: usize,
    row_len: usize,
}

impl<T: Number> WithSimd for MultiplyTransposed<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (a, b) = (T::vectors::<S>(self.a), T::vectors::<S>(self.b));
        let width = self.row_len * a.len() / self.a.len().max(1);
        for (j, b) in b.chunks_exact(TILE.1 * width).enumerate() {
            let (b0, b1) = b.split_at(width);
            let rows = self.c.chunks_mut(TILE.0 * self.columns);
            for (a, c) in a.chunks_exact(TILE.0 * width).zip(rows) {
                let (a01, a23) = a.split_at(2 * width);
                let ((a0, a1), (a2, a3)) = (a01.split_at(width), a23.split_at(width));
                let mut sums = [[T::splat(simd, T::zero()); TILE.1]; TILE.0];
                let b = b0.iter().zip(b1);
                let a = a0.iter().zip(a1).zip(a2.iter().zip(a3));
                for ((b0, b1), ((a0, a1), (a2, a3))) in b.zip(a) {
                    for (sums, a) in sums.iter_mut().zip([*a0, *a1, *a2, *a3]) {
                        sums[0] = T::multiply_add(simd, a, *b0, sums[0]);
                        sums[1] = T::multiply_add(simd, a, *b1, sums[1]);
                    }
                }
                for (sums, c) in sums.iter().zip(c.chunks_exact_mut(self.columns)) {
                    for (sum, c) in sums.iter().zip(c.iter_mut().skip(j * TILE.1)) {
                        *c = T::sum(simd, *sum);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use leaf_core::Random;
    use pulp::Scalar;

    use super::*;

    fn draw(seed: u64, len: usize) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..len).map(|_| random.uniform() - 0.5).collect()
    }

    /// A matrix whose rows end in zeros.
    fn padded(values: &[f64], (rows, columns): (usize, usize), row_len: usize) -> Vec<f64> {
        let mut matrix = zeros(rows, row_len);
        for (row, values) in matrix.chunks_mut(row_len).zip(values.chunks(columns)) {
            row[..columns].copy_from_slice(values);
        }
        matrix
    }

    /// With the vectors of this processor and with none.
    #[test]
    fn products_are_sums_of_products() {
        for (rows, inner, columns) in [(1, 1, 1), (4, 9, 32), (7, 5, 50), (6, 3, 512)] {
            let (a, b) = (draw(1, rows * inner), draw(2, inner * columns));
            let len = row_len(columns);
            let left = Left::new((rows, inner), |row, column| a[row * inner + column]);
            let right = padded(&b, (inner, columns), len);
            let mut found = [zeros(rows, len), zeros(rows, len)];
            multiply(&left, &right, &mut found[0], len);
            let product = Multiply {
                a: &left,
                b: &right,
                c: &mut found[1],
                row_len: len,
            };
            product.with_simd(Scalar);
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let terms = (0..inner).map(|i| a[row * inner + i] * b[i * columns + column]);
                let wanted: f64 = terms.sum();
                for found in &found {
                    assert!((found[row * len + column] - wanted).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn transposed_products_are_dot_products() {
        for (rows, inner, columns) in [(1, 1, 1), (4, 32, 9), (7, 50, 5), (6, 512, 3)] {
            let (a, b) = (draw(1, rows * inner), draw(2, columns * inner));
            let len = row_len(inner);
            let left = padded(&a, (rows, inner), len);
            let right = padded(&b, (columns, inner), len);
            let mut found = [vec![0.; rows * columns], vec![0.; rows * columns]];
            multiply_transposed(&left, &right, &mut found[0], columns, len);
            let product = MultiplyTransposed {
                a: &left,
                b: &right,
                c: &mut found[1],
                columns,
                row_len: len,
            };
            product.with_simd(Scalar);
            for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
                let terms = (0..inner).map(|i| a[row * inner + i] * b[column * inner + i]);
                let wanted: f64 = terms.sum();
                for found in &found {
                    assert!((found[row * columns + column] - wanted).abs() < 1e-12);
                }
            }
        }
    }
}
