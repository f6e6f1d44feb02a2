//! Accuracy against the number of labels.

use super::super::svg::{Scale, dot, figure, line, text};
use super::super::{Row, Variant};

const WIDTH: f64 = 420.;
const HEIGHT: f64 = 300.;
const LEFT: f64 = 44.;
const RIGHT: f64 = WIDTH - 14.;
const TOP: f64 = 10.;
const BOTTOM: f64 = HEIGHT - 44.;
/// What is left free beside the first and the last budget.
const MARGIN: f64 = 30.;
/// How far variants stand apart, so that their bars do not hide each other.
const APART: f64 = 5.;

/// A figure of the variants' mean accuracies, a line each, with bars of one standard deviation.
pub(super) fn budgets(algorithm: &str, rows: &[&Row]) -> String {
    let mut budgets: Vec<usize> = rows.iter().map(|row| row.labels_per_class).collect();
    budgets.sort_unstable();
    budgets.dedup();
    let mut variants: Vec<_> = rows.iter().map(|row| (row.variant, row.name())).collect();
    variants.sort_unstable();
    variants.dedup();
    let ends = rows.iter().flat_map(|row| {
        let deviation = row.accuracy.deviation.unwrap_or(0.);
        [-1., 1.].map(|sign| row.accuracy.mean + sign * deviation)
    });
    let scale = Scale::around(ends, [BOTTOM, TOP]);
    let mut inside = axes(&scale, &budgets);
    let mut said = Vec::new();
    for (at, (_, name)) in variants.iter().enumerate() {
        let shift = (at as f64 - (variants.len() - 1) as f64 / 2.) * APART;
        let of_variant = rows.iter().filter(|row| row.name() == *name);
        let mut before: Option<[f64; 2]> = None;
        for row in of_variant {
            let here = [
                place(&budgets, row.labels_per_class) + shift,
                scale.place(row.accuracy.mean),
            ];
            let what = words(row);
            inside.push_str(&point(row, here, before, &scale, &what));
            said.push(what);
            before = Some(here);
        }
    }
    let what = format!("{algorithm}, accuracy: {}", said.join("; "));
    let caption = "Accuracy against labels a class (bars: one standard deviation over seeds)";
    figure(caption, &what, [WIDTH, HEIGHT], &inside) + &legend(&variants)
}

/// Budgets stand at equal distances, in their order.
fn place(budgets: &[usize], budget: usize) -> f64 {
    let (first, last) = (LEFT + MARGIN, RIGHT - MARGIN);
    let at = budgets.iter().take_while(|other| **other < budget).count();
    match budgets.len() {
        0 | 1 => (first + last) / 2.,
        count => first + at as f64 / (count - 1) as f64 * (last - first),
    }
}

fn axes(scale: &Scale, budgets: &[usize]) -> String {
    let mut all = String::new();
    for (value, name) in scale.ticks(false) {
        let y = scale.place(value);
        all.push_str(&line("rule", [LEFT, y], [RIGHT, y]));
        all.push_str(&text("tick", "end", [LEFT - 6., y + 4.], &name));
    }
    for &budget in budgets {
        let x = place(budgets, budget);
        let name = budget.to_string();
        all.push_str(&text("tick", "middle", [x, BOTTOM + 17.], &name));
    }
    let middle = [(LEFT + RIGHT) / 2., BOTTOM + 35.];
    all + &text("tick", "middle", middle, "labels a class")
}

fn point(row: &Row, here: [f64; 2], before: Option<[f64; 2]>, scale: &Scale, what: &str) -> String {
    let class = format!("c-{}", row.variant);
    let mut all = String::new();
    if let Some(before) = before {
        all.push_str(&line(&format!("series {class}"), before, here));
    }
    if let Some(deviation) = row.accuracy.deviation {
        let ends = [-1., 1.].map(|sign| scale.place(row.accuracy.mean + sign * deviation));
        let whisker = format!("whisker {class}");
        all.push_str(&line(&whisker, [here[0], ends[0]], [here[0], ends[1]]));
    }
    all + &dot(&format!("dot {class}"), here, what)
}

fn words(row: &Row) -> String {
    let (mean, count) = (row.accuracy.mean, row.accuracy.count);
    let (variant, labels) = (row.name(), row.labels_per_class);
    format!("{variant} at {labels} labels a class: {mean:.3} over {count} seeds")
}

fn legend(variants: &[(Variant, String)]) -> String {
    let items: Vec<String> = variants
        .iter()
        .map(|(variant, name)| {
            format!("<li><svg viewBox=\"0 0 10 10\" aria-hidden=\"true\"><circle class=\"dot c-{variant}\" cx=\"5\" cy=\"5\" r=\"4\"/></svg>{name}</li>")
        })
        .collect();
    format!("<ul class=\"legend\">{}</ul>\n", items.join(""))
}
