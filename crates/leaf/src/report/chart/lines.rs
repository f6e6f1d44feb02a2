//! Values over the steps of a run.

use super::axis::{Axis, short};
use super::frame::Frame;
use super::legend::legend;
use super::{color, figure};
use crate::report::html::{escape, nothing};

/// Points up to which each one is drawn and says its value under the pointer.
const MARKED: usize = 60;

/// The most points of a line; of a longer course the mean of neighbours is drawn.
const DRAWN: usize = 400;

const HEIGHT: f64 = 250.;

/// One line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::report) struct Series {
    pub(in crate::report) name: String,
    /// Step and value; a value that is not finite is left out.
    pub(in crate::report) points: Vec<(f64, f64)>,
}

/// Lines over steps.
pub(in crate::report) struct Lines<'a> {
    pub(in crate::report) id: &'a str,
    pub(in crate::report) caption: &'a str,
    /// What stands there while there are no points.
    pub(in crate::report) empty: &'a str,
    /// Whether the values are shares: the axis is then 0 to 1.
    pub(in crate::report) shares: bool,
    pub(in crate::report) series: Vec<Series>,
}

impl Lines<'_> {
    pub(in crate::report) fn html(&self) -> String {
        let series: Vec<Series> = self.series.iter().map(finite).collect();
        let Some(frame) = self.frame(&series) else {
            let caption = escape(self.caption);
            let why = nothing(self.empty);
            return format!("<figure>\n<figcaption>{caption}</figcaption>\n{why}</figure>\n");
        };
        let mut svg = frame.grid("step");
        for (number, series) in series.iter().enumerate() {
            svg.push_str(&line(&frame, &color(number), series));
        }
        let names = legend(series.iter().map(|series| series.name.as_str()));
        figure(self.id, self.caption, frame.height, &svg, &names)
    }

    fn frame(&self, series: &[Series]) -> Option<Frame> {
        let points = || series.iter().flat_map(|series| &series.points);
        let ends = self.shares.then_some([0., 1.]).into_iter().flatten();
        points().next()?;
        Some(Frame {
            x: Axis::around(points().map(|point| point.0), 5)?,
            y: Axis::around(points().map(|point| point.1).chain(ends), 4)?,
            height: HEIGHT,
        })
    }
}

fn finite(series: &Series) -> Series {
    let points = series.points.iter().copied();
    Series {
        name: series.name.clone(),
        points: points.filter(|(_, value)| value.is_finite()).collect(),
    }
}

fn line(frame: &Frame, color: &str, series: &Series) -> String {
    let name = escape(&series.name);
    let points = thinned(&series.points);
    let mut path = String::new();
    for (number, &(x, y)) in points.iter().enumerate() {
        let letter = if number == 0 { 'M' } else { 'L' };
        let (x, y) = (frame.at_x(x), frame.at_y(y));
        path.push_str(&format!("{letter}{x:.1} {y:.1}"));
    }
    let mut svg =
        format!("<path class=\"line {color}\" d=\"{path}\"><title>{name}</title></path>\n");
    if series.points.len() > MARKED {
        return svg;
    }
    for &(x, y) in &points {
        svg.push_str(&format!(
            "<circle class=\"{color}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"><title>{name}, step {}: {}\
             </title></circle>\n",
            frame.at_x(x),
            frame.at_y(y),
            short(x),
            short(y)
        ));
    }
    svg
}

/// The means of as many neighbours as it takes.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let together = points.len().div_ceil(DRAWN).max(1);
    let chunks = points.chunks(together);
    chunks
        .map(|chunk| {
            let (x, y) = chunk
                .iter()
                .fold((0., 0.), |(x, y), point| (x + point.0, y + point.1));
            let count = chunk.len() as f64;
            (x / count, y / count)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(points: Vec<(f64, f64)>) -> String {
        Lines {
            id: "loss",
            caption: "Loss of <both>",
            empty: "No step yet.",
            shares: false,
            series: vec![Series {
                name: "a<b".to_owned(),
                points,
            }],
        }
        .html()
    }

    #[test]
    fn every_point_says_its_value() {
        let html = lines(vec![(10., 2.), (20., 1.5), (30., f64::NAN)]);
        assert!(
            html.contains("<title>a&lt;b, step 20: 1.5</title>"),
            "{html}"
        );
        assert_eq!(html.matches("<circle").count(), 2);
        assert!(html.contains("Loss of &lt;both&gt;") && !html.contains("NaN"));
        assert_eq!(html, lines(vec![(10., 2.), (20., 1.5), (30., f64::NAN)]));
    }

    #[test]
    fn long_courses_are_drawn_in_few_points() {
        let html = lines((0..100_000).map(|i| (f64::from(i), 1.)).collect());
        assert!(html.len() < 20_000, "{} bytes", html.len());
        let means = thinned(&[(0., 1.), (1., 3.)]);
        assert_eq!(means, [(0., 1.), (1., 3.)]);
        let many: Vec<(f64, f64)> = (0..800).map(|i| (f64::from(i), f64::from(i % 2))).collect();
        assert_eq!(thinned(&many)[..2], [(0.5, 0.5), (2.5, 0.5)]);
    }

    #[test]
    fn nothing_to_draw_is_said() {
        let html = lines(vec![(1., f64::INFINITY)]);
        assert!(html.contains("No step yet.") && !html.contains("<svg"));
    }
}
