//! Means of few numbers, and how sure they are.

/// Mean and spread of some numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// How many numbers there are (n).
    pub count: usize,
    /// Their mean; not a number if there is none.
    pub mean: f64,
    /// Their standard deviation, over n - 1; `None` for fewer than two.
    pub deviation: Option<f64>,
}

/// A confidence interval of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Sample {
    /// Of these numbers.
    pub fn of(numbers: &[f64]) -> Self {
        let count = numbers.len();
        let mean = numbers.iter().sum::<f64>() / count as f64;
        let squares = numbers.iter().map(|number| (number - mean).powi(2));
        let deviation = (count > 1).then(|| (squares.sum::<f64>() / (count - 1) as f64).sqrt());
        Self {
            count,
            mean,
            deviation,
        }
    }

    /// Student's interval of the mean, `mean ± t(n - 1) deviation / √n`, that holds it with a probability
    /// in (0, 1); `None` for fewer than two numbers.
    pub fn interval(&self, probability: f64) -> Option<Interval> {
        let error = self.deviation? / (self.count as f64).sqrt();
        let half = error * t_quantile(probability, self.count - 1);
        Some(Interval {
            low: self.mean - half,
            high: self.mean + half,
        })
    }
}

/// The t with `P(|T| <= t) = probability` in Student's distribution with so many degrees of freedom: the two-sided
/// quantile, 12.706 for .95 and 1 degree. Not a number outside `0 < probability < 1` or without a degree.
pub fn t_quantile(probability: f64, degrees: usize) -> f64 {
    if degrees == 0 || !(probability > 0. && probability < 1.) {
        return f64::NAN;
    }
    let (mut low, mut high) = (0., 1.);
    while within(high, degrees) < probability {
        low = high;
        high *= 2.;
    }
    // Halving ends at two neighbouring numbers.
    loop {
        let middle = low + (high - low) / 2.;
        if middle <= low || middle >= high {
            return high;
        }
        match within(middle, degrees) < probability {
            true => low = middle,
            false => high = middle,
        }
    }
}

/// `P(|T| <= t)` for a whole number of degrees: the finite series of Abramowitz and Stegun, 26.7.3 and 26.7.4.
fn within(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // Powers of the cosine, each with the product of the fractions up to it.
    let series = |first: f64, power: usize| {
        let mut term = first;
        let mut sum = 0.;
        for power in (power..=degrees.saturating_sub(2)).step_by(2) {
            sum += term;
            term *= cosine * cosine * (power + 1) as f64 / (power + 2) as f64;
        }
        sum
    };
    match degrees % 2 {
        0 => sine * series(1., 0),
        _ => (angle + sine * series(cosine, 1)) * std::f64::consts::FRAC_2_PI,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_have_less_to_say() {
        let none = Sample::of(&[]);
        assert!(none.mean.is_nan() && none.interval(0.95).is_none());
        let one = Sample::of(&[0.5]);
        assert_eq!((one.mean, one.deviation), (0.5, None));
        assert_eq!(one.interval(0.95), None);
        let two = Sample::of(&[1., 3.]);
        assert_eq!(two.deviation, Some(2f64.sqrt()));
    }

    #[test]
    fn quantiles_exist_only_inside() {
        for (probability, degrees) in [(0., 3), (1., 3), (f64::NAN, 3), (0.5, 0)] {
            assert!(t_quantile(probability, degrees).is_nan());
        }
        // Cauchy's distribution: half of it lies within 1.
        assert!((t_quantile(0.5, 1) - 1.).abs() < 1e-14);
    }
}
