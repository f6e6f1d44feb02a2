//! Charts as inline SVG: colors and text follow the page's light or dark style.

mod axis;
mod frame;
mod heat;
mod legend;
mod lines;
mod scatter;

pub(super) use heat::{Cell, Heat};
pub(super) use lines::{Lines, Series};
pub(super) use scatter::{Dot, Scatter};

/// A drawing's width in its own units, about the pixels of a phone, so that text stays readable there.
const WIDTH: f64 = 440.;

/// How many colors the style has; further series take them again, with dashes.
const COLORS: usize = 10;

/// The style's classes of the n-th series.
fn color(series: usize) -> String {
    let dashed = if series < COLORS { "" } else { " dashed" };
    format!("s{}{dashed}", series % COLORS)
}

/// A drawing with its caption and what stands below it.
fn figure(id: &str, caption: &str, height: f64, drawing: &str, below: &str) -> String {
    let caption = super::html::escape(caption);
    format!(
        "<figure>\n<figcaption id=\"{id}-caption\">{caption}</figcaption>\n\
         <svg id=\"{id}\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-labelledby=\"{id}-caption\">\n{drawing}</svg>\n{below}</figure>\n"
    )
}
