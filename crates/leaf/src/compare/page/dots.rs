//! Paired differences as dots with whiskers.

use super::super::svg::{Scale, dot, figure, line, text};
use super::super::{Difference, Row};

const WIDTH: f64 = 420.;
/// Where names end and the plot begins.
const LEFT: f64 = 112.;
const RIGHT: f64 = WIDTH - 14.;
/// Height of a row, and of what is above and below all of them.
const ROW: f64 = 20.;
const TOP: f64 = 6.;
const BOTTOM: f64 = 40.;

/// What a row differs by from the one that a figure is about.
pub(super) type To = fn(&Row) -> Option<&Difference>;

/// A figure of all rows of one algorithm that have this difference, by budget; nothing if none has.
pub(super) fn dots(caption: &str, algorithm: &str, rows: &[&Row], to: To) -> String {
    let shown: Vec<(&Row, &Difference)> = rows
        .iter()
        .filter_map(|row| Some((*row, to(row)?)))
        .collect();
    if shown.is_empty() {
        return String::new();
    }
    let ends = shown.iter().flat_map(|(_, difference)| ends(difference));
    let scale = Scale::around(ends.chain([0.]), [LEFT, RIGHT]);
    let (mut inside, mut said) = (String::new(), Vec::new());
    let mut y = TOP;
    let mut budget = None;
    for (row, difference) in &shown {
        if budget != Some(row.labels_per_class) {
            budget = Some(row.labels_per_class);
            let name = format!("{} labels a class", row.labels_per_class);
            inside.push_str(&text("group", "start", [4., y + 14.], &name));
            y += ROW;
        }
        let what = words(row, difference);
        inside.push_str(&mark(row, difference, &scale, y + ROW / 2., &what));
        said.push(what);
        y += ROW;
    }
    let axis = axis(&scale, y);
    let what = format!("{algorithm}, {caption}: {}", said.join("; "));
    figure(caption, &what, [WIDTH, y + BOTTOM], &(axis + &inside))
}

/// What the scale must hold of a difference.
fn ends(difference: &Difference) -> Vec<f64> {
    let interval = difference.interval.map(|found| [found.low, found.high]);
    let mean = difference.sample.mean;
    interval.into_iter().flatten().chain([mean]).collect()
}

fn mark(row: &Row, difference: &Difference, scale: &Scale, y: f64, what: &str) -> String {
    let mut all = text("name", "end", [LEFT - 8., y + 4.], &row.name());
    let class = format!("c-{}", row.variant);
    if let Some(interval) = difference.interval {
        let (low, high) = (scale.place(interval.low), scale.place(interval.high));
        let whisker = format!("whisker {class}");
        all.push_str(&line(&whisker, [low, y], [high, y]));
        for end in [low, high] {
            all.push_str(&line(&whisker, [end, y - 4.], [end, y + 4.]));
        }
    }
    let x = scale.place(difference.sample.mean);
    all + &dot(&format!("dot {class}"), [x, y], what)
}

fn axis(scale: &Scale, bottom: f64) -> String {
    let mut all = String::new();
    for (value, name) in scale.ticks(true) {
        let x = scale.place(value);
        let class = if value == 0. { "zero" } else { "rule" };
        all.push_str(&line(class, [x, TOP], [x, bottom]));
        all.push_str(&text("tick", "middle", [x, bottom + 15.], &name));
    }
    let middle = [(LEFT + RIGHT) / 2., bottom + 32.];
    all + &text("tick", "middle", middle, "difference in accuracy")
}

fn words(row: &Row, difference: &Difference) -> String {
    let (count, wins) = (difference.sample.count, difference.wins);
    let interval = difference.interval.map(|found| {
        let (low, high) = (found.low, found.high);
        format!(" (95%: {low:+.3} to {high:+.3})")
    });
    format!(
        "{} at {} labels a class: {:+.3}{}, above 0 in {wins} of {count} seeds",
        row.name(),
        row.labels_per_class,
        difference.sample.mean,
        interval.unwrap_or_default()
    )
}
