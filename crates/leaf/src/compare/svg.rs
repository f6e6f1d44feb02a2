//! Pieces of plots: scales, ticks and escaped text.

/// From values to places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    values: [f64; 2],
    places: [f64; 2],
    step: f64,
}

impl Scale {
    /// A scale that holds all values, from tick to tick; around one single value it is wide enough to see.
    pub(super) fn around(values: impl Iterator<Item = f64>, places: [f64; 2]) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| {
            [low.min(value), high.max(value)]
        });
        let [low, high] = match high - low {
            span if span >= 1e-6 => [low, high],
            span if span >= 0. => [low - 0.01, high + 0.01],
            _ => [0., 1.],
        };
        let step = nice((high - low) / 4.);
        Self {
            values: [(low / step).floor() * step, (high / step).ceil() * step],
            places,
            step,
        }
    }

    /// Where a value is.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value - self.values[0]) / (self.values[1] - self.values[0]);
        self.places[0] + share * (self.places[1] - self.places[0])
    }

    /// The values that are named, with their names.
    pub(super) fn ticks(&self, signed: bool) -> Vec<(f64, String)> {
        let count = ((self.values[1] - self.values[0]) / self.step).round() as usize;
        let digits = (-self.step.log10().floor()).max(0.) as usize;
        let ticks = (0..=count).map(|tick| {
            // Not -0.
            let value = self.values[0] + tick as f64 * self.step;
            let value = if value.abs() < self.step / 2. {
                0.
            } else {
                value
            };
            let name = match signed && value != 0. {
                true => format!("{value:+.digits$}"),
                false => format!("{value:.digits$}"),
            };
            (value, name)
        });
        ticks.collect()
    }
}

/// The next number of 1, 2 and 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factors = [1., 2., 5., 10.];
    let fits = |factor: &f64| factor * power >= step * (1. - 1e-9);
    power * factors.into_iter().find(fits).unwrap_or(10.)
}

/// A text that means itself in HTML and SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A straight line of a class.
pub(super) fn line(class: &str, [x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> String {
    format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>")
}

/// A text at a place, `start`, `middle` or `end` of which is there.
pub(super) fn text(class: &str, anchor: &str, [x, y]: [f64; 2], what: &str) -> String {
    let what = escaped(what);
    format!(
        "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{what}</text>"
    )
}

/// A dot that says what it is.
pub(super) fn dot(class: &str, [x, y]: [f64; 2], what: &str) -> String {
    let what = escaped(what);
    format!(
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{what}</title></circle>"
    )
}

/// A picture in a figure with its caption; `what` is read to who cannot see it.
pub(super) fn figure(caption: &str, what: &str, [width, height]: [f64; 2], inside: &str) -> String {
    let (caption, what) = (escaped(caption), escaped(what));
    format!(
        "<figure><figcaption>{caption}</figcaption>\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{what}\">{inside}</svg></figure>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_tick_to_tick() {
        let scale = Scale::around([-0.013, 0.031].into_iter(), [100., 400.]);
        let ticks = scale.ticks(true);
        let names: Vec<&str> = ticks.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["-0.02", "0.00", "+0.02", "+0.04"]);
        assert!((scale.place(-0.02) - 100.).abs() < 1e-9);
        assert!((scale.place(0.04) - 400.).abs() < 1e-9);
        assert!((scale.place(0.01) - 250.).abs() < 1e-9);
        for values in [vec![], vec![0.5], vec![f64::NAN], vec![0., 0.]] {
            let scale = Scale::around(values.into_iter(), [0., 1.]);
            let ticks = scale.ticks(false);
            assert!((2..9).contains(&ticks.len()), "{ticks:?}");
            assert!(
                ticks
                    .iter()
                    .all(|(value, _)| scale.place(*value).is_finite())
            );
        }
    }

    #[test]
    fn texts_mean_themselves() {
        let found = text("t", "end", [1., 2.], "<a href=\"x\">&");
        assert!(
            found.contains("&lt;a href=&quot;x&quot;&gt;&amp;"),
            "{found}"
        );
    }
}
