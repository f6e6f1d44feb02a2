//! Points in a plane.

use super::legend::legend;
use super::{WIDTH, color, figure};
use crate::report::html::escape;

const HEIGHT: f64 = 380.;
const MARGIN: f64 = 12.;

/// One point.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::report) struct Dot {
    pub(in crate::report) at: [f64; 2],
    pub(in crate::report) series: usize,
    /// Drawn as a ring.
    pub(in crate::report) hollow: bool,
    pub(in crate::report) title: String,
}

/// Points in the colors of their series; the axes are of one scale and have no numbers.
pub(in crate::report) struct Scatter<'a> {
    pub(in crate::report) id: &'a str,
    pub(in crate::report) caption: &'a str,
    pub(in crate::report) names: &'a [String],
    pub(in crate::report) dots: &'a [Dot],
}

impl Scatter<'_> {
    pub(in crate::report) fn html(&self) -> String {
        let [(left, right), (low, high)] = [0, 1].map(|axis| self.range(axis));
        let inner = (WIDTH - 2. * MARGIN, HEIGHT - 2. * MARGIN);
        let scale = (inner.0 / (right - left).max(1e-12)).min(inner.1 / (high - low).max(1e-12));
        let middle = (f64::midpoint(left, right), f64::midpoint(low, high));
        let mut svg = String::new();
        for dot in self.dots {
            let x = WIDTH / 2. + (dot.at[0] - middle.0) * scale;
            let y = HEIGHT / 2. - (dot.at[1] - middle.1) * scale;
            let hollow = if dot.hollow { " hollow" } else { "" };
            svg.push_str(&format!(
                "<circle class=\"dot {}{hollow}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"><title>{}</title>\
                 </circle>\n",
                color(dot.series),
                escape(&dot.title)
            ));
        }
        let names = legend(self.names.iter().map(String::as_str));
        figure(self.id, self.caption, HEIGHT, &svg, &names)
    }

    fn range(&self, axis: usize) -> (f64, f64) {
        let values = self.dots.iter().map(|dot| dot.at[axis]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        if low > high { (0., 1.) } else { (low, high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_dots_are_inside() {
        let dot = |x: f64, y: f64| Dot {
            at: [x, y],
            series: 1,
            hollow: x > 1.,
            title: "a \"b\"".to_owned(),
        };
        let dots = [dot(0., 0.), dot(10., 1.), dot(5., -1.)];
        let html = Scatter {
            id: "features",
            caption: "Features",
            names: &["a".to_owned(), "b".to_owned()],
            dots: &dots,
        }
        .html();
        assert_eq!(html.matches("<circle").count(), 3);
        assert_eq!(html.matches("hollow").count(), 2);
        assert!(
            html.contains("cx=\"12.0\"") && html.contains("cx=\"428.0\""),
            "{html}"
        );
        assert!(html.contains("a &quot;b&quot;"));
    }

    #[test]
    fn one_dot_is_in_the_middle() {
        let dots = [Dot {
            at: [3., 3.],
            series: 0,
            hollow: false,
            title: String::new(),
        }];
        let (id, caption) = ("features", "Features");
        let html = Scatter {
            id,
            caption,
            names: &[],
            dots: &dots,
        }
        .html();
        assert!(html.contains("cx=\"220.0\" cy=\"190.0\""), "{html}");
    }
}
