//! Numbers of a Beta distribution.
//!
//! Source: G. Marsaglia and W. W. Tsang, "A simple method for generating gamma variables", ACM
//! Transactions on Mathematical Software 26(3), 2000, whose section 6 has shapes below 1.

use leaf_core::Random;

/// A number in `[0, 1]` that is `Beta(a, b)`: `X / (X + Y)` with `X ~ Gamma(a)` and `Y ~ Gamma(b)`, for
/// finite a and b above 0.
///
/// The two are compared by their logarithms: for small shapes both may be too small for a float.
pub(crate) fn beta(random: &mut Random, a: f64, b: f64) -> f64 {
    let (x, y) = (ln_gamma_variate(random, a), ln_gamma_variate(random, b));
    1. / (1. + (y - x).exp())
}

/// The logarithm of a number that is `Gamma(shape)` with scale 1.
fn ln_gamma_variate(random: &mut Random, shape: f64) -> f64 {
    if shape >= 1. {
        return ln_gamma_from_one(random, shape);
    }
    // Gamma(a) = Gamma(a + 1) U^(1/a). A shape near 0 must not make the logarithm infinite.
    let power = (ln_uniform(random) / shape).max(-f64::MAX / 4.);
    ln_gamma_from_one(random, shape + 1.) + power
}

/// For a shape of 1 or more: `d v` with `v = (1 + c z)³`, z normal, where `d = shape - 1/3` and
/// `c = 1/√(9 d)`; some are rejected (fewer than 1 in 20).
fn ln_gamma_from_one(random: &mut Random, shape: f64) -> f64 {
    let d = shape - 1. / 3.;
    let c = 1. / (9. * d).sqrt();
    loop {
        let (z, _) = random.normal_pair();
        let root = 1. + c * z;
        if root <= 0. {
            continue;
        }
        let v = root.powi(3);
        if ln_uniform(random) < z * z / 2. + d * (1. - v + v.ln()) {
            return d.ln() + v.ln();
        }
    }
}

/// The logarithm of a number in `(0, 1]`.
fn ln_uniform(random: &mut Random) -> f64 {
    (1. - random.uniform()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 20_000;

    fn mean_and_variance(draw: impl FnMut(usize) -> f64) -> (f64, f64) {
        let draws: Vec<f64> = (0..DRAWS).map(draw).collect();
        let mean = draws.iter().sum::<f64>() / DRAWS as f64;
        let squares = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (mean, squares / (DRAWS - 1) as f64)
    }

    #[test]
    fn gamma_has_its_shape_as_mean_and_variance() {
        for shape in [0.3, 0.75, 1., 2.5, 40.] {
            let mut random = Random::new(2);
            let (mean, variance) =
                mean_and_variance(|_| ln_gamma_variate(&mut random, shape).exp());
            // Five standard errors: of the mean √(a/n), of the variance √((2a² + 6a)/n).
            let n = DRAWS as f64;
            assert!((mean - shape).abs() < 5. * (shape / n).sqrt(), "{mean}");
            let spread = ((2. * shape * shape + 6. * shape) / n).sqrt();
            assert!((variance - shape).abs() < 5. * spread, "{variance}");
        }
    }

    #[test]
    fn beta_has_the_right_mean_and_variance() {
        for (a, b) in [(0.5, 0.5), (0.75, 0.75), (1., 1.), (2., 5.), (0.4, 30.)] {
            let mut random = Random::new(3);
            let (mean, variance) = mean_and_variance(|_| beta(&mut random, a, b));
            let sum = a + b;
            let (right_mean, right_variance) = (a / sum, a * b / (sum * sum * (sum + 1.)));
            let error = 5. * (right_variance / DRAWS as f64).sqrt();
            assert!((mean - right_mean).abs() < error, "{a} {b}: {mean}");
            assert!(
                (variance / right_variance - 1.).abs() < 0.1,
                "{a} {b}: {variance}"
            );
        }
    }

    #[test]
    fn beta_of_one_and_one_is_uniform() {
        let mut random = Random::new(4);
        let mut counts = [0usize; 10];
        for _ in 0..DRAWS {
            counts[((beta(&mut random, 1., 1.) * 10.) as usize).min(9)] += 1;
        }
        // Five standard deviations of a count.
        let expected = DRAWS as f64 / 10.;
        let bound = 5. * (expected * 0.9).sqrt();
        assert!(
            counts.iter().all(|&n| (n as f64 - expected).abs() < bound),
            "{counts:?}"
        );
    }

    #[test]
    fn extreme_shapes_give_numbers_between_0_and_1() {
        let shapes = [f64::MIN_POSITIVE, 1e-9, 1e-3, 1., 1e6, 1e300, f64::MAX];
        for (seed, a) in (0u64..).zip(shapes) {
            for b in shapes {
                let x = beta(&mut Random::new(seed), a, b);
                assert!((0. ..=1.).contains(&x), "Beta({a}, {b}) gave {x}");
            }
        }
    }
}
