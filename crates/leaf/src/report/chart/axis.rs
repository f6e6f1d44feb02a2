//! Round numbers along an axis.

/// A range of values with the round ones in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) ticks: Vec<f64>,
}

impl Axis {
    /// Just large enough for these values, about `count` round numbers apart; `None` without a finite one.
    pub(super) fn around(values: impl Iterator<Item = f64>, count: usize) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high {
            return None;
        }
        let span = match high - low {
            0. => low.abs().max(1.),
            span => span,
        };
        let step = round_step(span / count.max(1) as f64);
        let first = (low / step).floor();
        let last = (high / step).ceil().max(first + 1.);
        // Not by adding steps up, which would leave 0.30000000000000004.
        let ticks = (0..=(last - first) as usize).map(|i| (first + i as f64) * step);
        Some(Self {
            low: first * step,
            high: last * step,
            ticks: ticks.collect(),
        })
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let steps = [1., 2., 5.].map(|digit| digit * power);
    let enough = |candidate: &f64| *candidate >= step * (1. - 1e-9);
    steps.into_iter().find(enough).unwrap_or(10. * power)
}

/// A tick's or a point's number in few digits.
pub(super) fn short(value: f64) -> String {
    let size = value.abs();
    if size != 0. && !(1e-3..1e5).contains(&size) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64]) -> Vec<String> {
        let axis = Axis::around(values.iter().copied(), 4).expect("values");
        axis.ticks.into_iter().map(short).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_all_values() {
        assert_eq!(ticks(&[0.13, 0.71]), ["0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(ticks(&[20., 700.]), ["0", "200", "400", "600", "800"]);
        assert_eq!(ticks(&[-3., 3.]), ["-4", "-2", "0", "2", "4"]);
        assert_eq!(ticks(&[f64::NAN, 0.5, 0.5]).len(), 2);
        assert_eq!(ticks(&[0.])[0], "0");
    }

    #[test]
    fn nothing_finite_has_no_axis() {
        assert_eq!(Axis::around([f64::NAN, f64::INFINITY].into_iter(), 4), None);
    }

    #[test]
    fn numbers_are_short() {
        let found = [0., 0.25, 1e-5, 123_456., -0.0001, 700.].map(short);
        assert_eq!(found, ["0", "0.25", "1.0e-5", "1.2e5", "-1.0e-4", "700"]);
    }
}
