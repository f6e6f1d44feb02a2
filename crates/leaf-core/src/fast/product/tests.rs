//! Products against their sums written out, with registers and without.

use pulp::Scalar;

use super::*;
use crate::Random;

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.normal_pair().0 as f32).collect()
}

fn naive(a: Source<'_>, b: Source<'_>) -> Vec<f64> {
    let at = |s: Source<'_>, i: usize, j: usize| {
        let offset = i * s.row_step() + j * s.column_step();
        // SAFETY: the tests stay inside their matrices.
        f64::from(unsafe { *s.start().add(offset) })
    };
    let mut out = Vec::new();
    for i in 0..a.row_count() {
        for j in 0..b.column_count() {
            out.push((0..b.row_count()).map(|k| at(a, i, k) * at(b, k, j)).sum());
        }
    }
    out
}

fn close(found: &[f32], wanted: &[f64], what: &str) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        let difference = (f64::from(*found) - wanted).abs();
        assert!(difference < 2e-4, "{what}: {found} instead of {wanted}");
    }
}

#[test]
fn every_size_of_a_tile() {
    let mut random = Random::new(0);
    for (rows, columns, len) in [
        (1, 1, 1),
        (2, 3, 5),
        (5, 4, 16),
        (7, 70, 33),
        (13, 129, 300),
        (6, 64, 520),
        (4, 9, 0),
    ] {
        let (a, b) = (
            numbers(&mut random, rows * len),
            numbers(&mut random, columns * len),
        );
        let (a, b) = (Source::rows(&a, rows, len), Source::rows(&b, columns, len));
        let wanted = naive(a, b.transposed());
        let mut out = vec![f32::NAN; rows * columns];
        dots(a, b, Target::rows(&mut out, rows, columns));
        close(&out, &wanted, "dots");
        let target = Target::rows(&mut out, rows, columns);
        Dots { a, b, out: target }.with_simd(Scalar);
        close(&out, &wanted, "dots by scalars");

        let b = numbers(&mut random, len * columns);
        let b = Source::rows(&b, len, columns);
        let wanted = naive(a, b);
        out.fill(f32::NAN);
        weighted_rows(a, b, Target::rows(&mut out, rows, columns), false);
        close(&out, &wanted, "weighted rows");
        weighted_rows(a, b, Target::rows(&mut out, rows, columns), true);
        let twice: Vec<f64> = wanted.iter().map(|w| 2. * w).collect();
        close(&out, &twice, "added");
        let target = Target::rows(&mut out, rows, columns);
        let kernel = WeightedRows {
            a,
            b,
            out: target,
            accumulate: false,
        };
        kernel.with_simd(Scalar);
        close(&out, &wanted, "weighted rows by scalars");

        let a = numbers(&mut random, rows * len);
        let a = Source::rows(&a, len, rows).transposed();
        let wanted = naive(a, b);
        weighted_rows(a, b, Target::rows(&mut out, rows, columns), false);
        close(&out, &wanted, "transposed");
    }
}

#[test]
fn parts_of_matrices() {
    let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
    let a = Source::rows(&values, 4, 3);
    let part = a.part(1..3);
    let mut out = [0f32; 4];
    dots(part, part, Target::rows(&mut out, 2, 2));
    assert_eq!(out, [50., 86., 86., 149.]);
    let columns = a.transposed().columns_part(1..3);
    assert_eq!((columns.row_count(), columns.column_count()), (3, 2));
    weighted_rows(
        part,
        a.part(0..3),
        Target::rows(&mut [0f32; 6], 2, 3),
        false,
    );
}
