//! Features in the plane: their two principal components.

/// Iterations after which a direction is taken as it is.
const ITERATIONS: usize = 200;

/// How little a direction must change to be the answer.
const CHANGE: f64 = 1e-9;

/// Points in the plane of the two directions in which they differ most.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Projection {
    pub(super) points: Vec<[f64; 2]>,
    /// The share of the whole variance along each direction.
    pub(super) shares: [f64; 2],
}

/// The principal components of rows of one width, by power iteration on the covariance:
/// `v <- X^T X v / |X^T X v|` with the mean taken out of X, the second one kept orthogonal to the first.
/// `None` with fewer than 3 rows, 2 columns, or without any variance.
pub(super) fn principal_plane(rows: &[Vec<f32>]) -> Option<Projection> {
    let width = rows.first()?.len();
    if rows.len() < 3 || width < 2 {
        return None;
    }
    let centered = centered(rows, width);
    let total: f64 = centered.iter().flatten().map(|value| value * value).sum();
    if !total.is_normal() {
        return None;
    }
    let first = direction(&centered, None);
    let second = direction(&centered, Some(&first));
    let points: Vec<[f64; 2]> = centered
        .iter()
        .map(|row| [dot(row, &first), dot(row, &second)])
        .collect();
    let share = |axis: usize| points.iter().map(|point| point[axis].powi(2)).sum::<f64>() / total;
    let shares = [share(0), share(1)];
    Some(Projection { points, shares })
}

fn centered(rows: &[Vec<f32>], width: usize) -> Vec<Vec<f64>> {
    let mut mean = vec![0.; width];
    for row in rows {
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += f64::from(*value) / rows.len() as f64;
        }
    }
    let center = |row: &Vec<f32>| {
        let values = row.iter().zip(&mean);
        values
            .map(|(value, mean)| f64::from(*value) - mean)
            .collect()
    };
    rows.iter().map(center).collect()
}

fn direction(rows: &[Vec<f64>], other: Option<&[f64]>) -> Vec<f64> {
    let width = rows[0].len();
    // Any start that is not orthogonal to the answer does; this one is never the same in two columns.
    let start = (0..width).map(|i| 1. + (i as f64 * 0.618_033_988_75).fract());
    let mut now = orthogonal_unit(start.collect(), other);
    for _ in 0..ITERATIONS {
        let mut next = vec![0.; width];
        for row in rows {
            let along = dot(row, &now);
            for (next, value) in next.iter_mut().zip(row) {
                *next += along * value;
            }
        }
        let next = orthogonal_unit(next, other);
        let change: f64 = now.iter().zip(&next).map(|(a, b)| (a - b).powi(2)).sum();
        now = next;
        if change < CHANGE * CHANGE {
            break;
        }
    }
    now
}

/// Unit length, without the part along another unit vector; no direction is left as zeros.
fn orthogonal_unit(mut vector: Vec<f64>, other: Option<&[f64]>) -> Vec<f64> {
    if let Some(other) = other {
        let along = dot(&vector, other);
        for (value, other) in vector.iter_mut().zip(other) {
            *value -= along * other;
        }
    }
    let length = dot(&vector, &vector).sqrt();
    if length > f64::MIN_POSITIVE {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    vector
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_widest_directions_are_found() {
        // Widths 9, 4 and 1 along three orthogonal directions of four dimensions, and a shift.
        let axes = [
            [0.5f32, 0.5, 0.5, 0.5],
            [0.5, -0.5, 0.5, -0.5],
            [0.5, 0.5, -0.5, -0.5],
        ];
        let mut rows = Vec::new();
        for (a, b, c) in [(9., 0., 0.), (0., 4., 0.), (0., 0., 1.)] {
            for sign in [1f32, -1.] {
                let along = [sign * a, sign * b, sign * c];
                let at =
                    |i: usize| 3. + (0..3).map(|axis| along[axis] * axes[axis][i]).sum::<f32>();
                rows.push((0..4).map(at).collect::<Vec<f32>>());
            }
        }
        let plane = principal_plane(&rows).expect("a plane");
        let total = 81. + 16. + 1.;
        for (found, wanted) in plane.shares.iter().zip([81. / total, 16. / total]) {
            assert!((found - wanted).abs() < 1e-6, "{:?}", plane.shares);
        }
        assert!((plane.points[0][0].abs() - 9.).abs() < 1e-4);
        assert!((plane.points[2][1].abs() - 4.).abs() < 1e-4);
        assert!(plane.points[4].iter().all(|value| value.abs() < 1e-4));
        assert_eq!(principal_plane(&rows), Some(plane), "the same each time");
    }

    #[test]
    fn points_on_a_line_and_too_few_of_them() {
        let rows: Vec<Vec<f32>> = (0u8..5).map(|i| vec![f32::from(i), 0., 0.]).collect();
        let plane = principal_plane(&rows).expect("a plane");
        assert!((plane.shares[0] - 1.).abs() < 1e-9 && plane.shares[1] < 1e-9);
        assert!(plane.points.iter().flatten().all(|value| value.is_finite()));
        assert_eq!(principal_plane(&rows[..2]), None);
        assert_eq!(principal_plane(&vec![vec![2., 2.]; 4]), None);
        assert_eq!(principal_plane(&[]), None);
    }
}
