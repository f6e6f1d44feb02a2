//! Ridge regression, and how much of the variance it explains.

use nalgebra::{Cholesky, DMatrix, RowDVector};

/// The regression's penalty, as a share of the features' variance: it only has to make the solution unique.
const RIDGE: f64 = 1e-3;

/// What hardly differs from face to face says nothing, and must not be blown up: a unit that is dead on the faces of the
/// fit may not be on others. As a share of the features' root mean square deviation.
const SMALLEST_DEVIATION: f64 = 1e-2;

/// Keeps the quotient finite if no feature differs at all.
const TINY: f64 = 1e-12;

/// R² of a ridge regression from rows `xs` to rows `ys`, on rows `new_xs` and `new_ys`: `1 - Σ(y - ŷ)² / Σ(y - ȳ)²`,
/// where `ȳ` is the mean of `ys`. `None` if a feature is not finite, or if nothing varies.
pub(super) fn explained(
    xs: &DMatrix<f64>,
    ys: &DMatrix<f64>,
    new_xs: &DMatrix<f64>,
    new_ys: &DMatrix<f64>,
) -> Option<f64> {
    let (x_mean, y_mean) = (xs.row_mean(), ys.row_mean());
    let deviation = deviations(xs, &x_mean);
    let standard = |xs: &DMatrix<f64>| {
        let mut xs = less(xs, &x_mean);
        for (mut column, deviation) in xs.column_iter_mut().zip(deviation.iter()) {
            column /= *deviation;
        }
        xs
    };
    let xs = standard(xs);
    let penalty = RIDGE * xs.nrows() as f64;
    let mut gram = xs.tr_mul(&xs);
    for at in 0..gram.nrows() {
        gram[(at, at)] += penalty;
    }
    let weights = Cholesky::new(gram)?.solve(&xs.tr_mul(&less(ys, &y_mean)));
    let asked = less(new_ys, &y_mean);
    let residual = &asked - standard(new_xs) * weights;
    let share = 1. - residual.norm_squared() / asked.norm_squared();
    share.is_finite().then_some(share)
}

fn less(xs: &DMatrix<f64>, mean: &RowDVector<f64>) -> DMatrix<f64> {
    let mut xs = xs.clone();
    for mut row in xs.row_iter_mut() {
        row -= mean;
    }
    xs
}

fn deviations(xs: &DMatrix<f64>, mean: &RowDVector<f64>) -> Vec<f64> {
    let centered = less(xs, mean);
    let deviation = |column: usize| {
        let variance = centered.column(column).norm_squared() / (xs.nrows() as f64).max(1.);
        variance.sqrt()
    };
    let squares = centered.norm_squared() / (xs.len() as f64).max(1.);
    let floor = (SMALLEST_DEVIATION * squares.sqrt()).max(TINY);
    (0..xs.ncols())
        .map(|column| deviation(column).max(floor))
        .collect()
}

#[cfg(test)]
mod tests {
    use leaf_core::Random;

    use super::*;

    fn normal(random: &mut Random, rows: usize, columns: usize) -> DMatrix<f64> {
        DMatrix::from_fn(rows, columns, |_, _| random.normal_pair().0)
    }

    #[test]
    fn a_linear_factor_is_explained_and_noise_is_not() {
        let mut random = Random::new(0);
        let (xs, new_xs) = (normal(&mut random, 400, 5), normal(&mut random, 200, 5));
        let weights = normal(&mut random, 5, 3);
        let linear = explained(&xs, &(&xs * &weights), &new_xs, &(&new_xs * &weights));
        assert!((linear.unwrap() - 1.).abs() < 1e-5, "{linear:?}");

        let (noise, new_noise) = (normal(&mut random, 400, 3), normal(&mut random, 200, 3));
        let nothing = explained(&xs, &noise, &new_xs, &new_noise).unwrap();
        assert!(nothing.abs() < 0.05, "{nothing}");

        // Signal and noise of the same variance: half.
        let half = |xs: &DMatrix<f64>, noise: &DMatrix<f64>| xs.columns(0, 3) + noise;
        let share = explained(&xs, &half(&xs, &noise), &new_xs, &half(&new_xs, &new_noise));
        assert!((share.unwrap() - 0.5).abs() < 0.06, "{share:?}");
    }

    /// scikit-learn 1.9.1: StandardScaler, then Ridge(alpha=RIDGE n), and `1 - Σ(y - ŷ)² / Σ(y - ȳ)²`.
    #[test]
    fn it_is_what_scikit_learn_finds() {
        let number = |at: usize| ((at * at * 7 + at * 3) % 11) as f64;
        let xs = DMatrix::from_fn(12, 3, |row, column| number(row * 3 + column));
        let ys = DMatrix::from_fn(12, 2, |row, column| f64::from(row % 3 == column));
        let new_xs = DMatrix::from_fn(5, 3, |row, column| number(row * 3 + column + 2));
        let new_ys = DMatrix::from_fn(5, 2, |row, column| f64::from(row % 2 == column));
        let share = explained(&xs, &ys, &new_xs, &new_ys).unwrap();
        assert!((share + 0.954_099_298_643_938_9).abs() < 1e-9, "{share}");
    }

    #[test]
    fn a_unit_that_was_dead_in_the_fit_harms_little() {
        let mut random = Random::new(1);
        let (xs, new_xs) = (normal(&mut random, 400, 2), normal(&mut random, 200, 2));
        let (ys, new_ys) = (
            xs.columns(0, 1).clone_owned(),
            new_xs.columns(0, 1).clone_owned(),
        );
        let (mut fit, mut judge) = (xs.insert_column(2, 0.), new_xs.insert_column(2, 0.));
        fit[(0, 2)] = 1e-3;
        judge[(0, 2)] = 0.5;
        let share = explained(&fit, &ys, &judge, &new_ys).unwrap();
        assert!(share > 0.99, "{share}");
    }

    #[test]
    fn what_says_nothing_has_no_share() {
        let xs = DMatrix::from_fn(6, 2, |row, column| (row * column) as f64);
        let same = DMatrix::from_element(6, 1, 1.);
        assert_eq!(explained(&xs, &same, &xs, &same), None);
        let broken = DMatrix::from_element(6, 2, f64::NAN);
        assert_eq!(explained(&broken, &xs, &broken, &xs), None);
        // A feature that never changes harms nothing.
        assert!(explained(&xs, &xs, &xs, &xs).unwrap() > 0.99);
    }
}
