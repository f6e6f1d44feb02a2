//! A comparison as a table.

use super::{Difference, Row};

const HEADING: [&str; 11] = [
    "algorithm",
    "labels a class",
    "variant",
    "n",
    "accuracy",
    "sd",
    "- plain [95%]",
    "wins",
    "- aligned [95%]",
    "wins",
    "ms a step",
];

/// The rows as a Markdown table whose columns stand below each other.
pub fn table(rows: &[Row]) -> String {
    let mut all = vec![HEADING.map(str::to_owned).to_vec()];
    all.extend(rows.iter().map(|row| cells(row).to_vec()));
    markdown(&all)
}

/// A heading and rows as a Markdown table whose columns stand below each other.
pub(super) fn markdown(all: &[Vec<String>]) -> String {
    let columns = all.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let widths = all.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines: Vec<String> = all.iter().map(|row| line(row, &widths)).collect();
    let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    lines.insert(1.min(lines.len()), format!("| {} |", rule.join(" | ")));
    format!("{}\n", lines.join("\n"))
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let cells = cells.iter().zip(widths);
    let cells: Vec<String> = cells
        .map(|(cell, &width)| format!("{cell:width$}"))
        .collect();
    format!("| {} |", cells.join(" | "))
}

/// What a row's cells say.
pub(super) fn cells(row: &Row) -> [String; 11] {
    let [plain, plain_wins] = of(row.to_plain.as_ref());
    let [aligned, aligned_wins] = of(row.to_aligned.as_ref());
    [
        row.algorithm.clone(),
        row.labels_per_class.to_string(),
        row.name(),
        row.accuracy.count.to_string(),
        format!("{:.3}", row.accuracy.mean),
        row.accuracy
            .deviation
            .map_or_else(none, |sd| format!("{sd:.3}")),
        plain,
        plain_wins,
        aligned,
        aligned_wins,
        format!("{:.1}", row.milliseconds_per_step),
    ]
}

/// The columns' names.
pub(super) fn heading() -> [&'static str; 11] {
    HEADING
}

fn of(difference: Option<&Difference>) -> [String; 2] {
    let Some(difference) = difference else {
        return [none(), none()];
    };
    let (mean, count) = (difference.sample.mean, difference.sample.count);
    let interval = difference
        .interval
        .map(|interval| format!(" [{:+.3}, {:+.3}]", interval.low, interval.high));
    let mean = format!("{mean:+.3}{}", interval.unwrap_or_default());
    [mean, format!("{}/{count}", difference.wins)]
}

fn none() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fake::{line, plan};
    use crate::compare::{Variant, results};

    #[test]
    fn a_row_says_what_was_found_and_how_sure_it_is() {
        let (runs, _) = plan().runs();
        let lines: Vec<_> = runs
            .iter()
            .filter(|run| run.recipe.data.split.labels_per_class == 4)
            .filter(|run| run.variant != Variant::Category)
            .map(|run| {
                let gain = [0.03, 0.01, -0.01][run.recipe.seed as usize];
                let gain = if run.variant == Variant::Robust {
                    gain
                } else {
                    0.
                };
                line(run, 0.5 + gain)
            })
            .collect();
        let text = table(&results(&lines));
        let lines: Vec<&str> = text.lines().collect();
        let cells = |line: &str| -> Vec<String> {
            let inner = line.trim_matches('|').split('|');
            inner.map(|cell| cell.trim().to_owned()).collect()
        };
        assert_eq!(cells(lines[0]), HEADING);
        assert!(
            lines.iter().all(|line| line.len() == lines[0].len()),
            "{text}"
        );
        assert_eq!(
            cells(lines[6]),
            [
                "fixmatch",
                "4",
                "robust",
                "3",
                "0.510",
                "0.020",
                "+0.010 [-0.040, +0.060]",
                "2/3",
                "+0.010 [-0.040, +0.060]",
                "2/3",
                "20.0"
            ]
        );
        assert_eq!(cells(lines[2])[6..10], ["-", "-", "-", "-"]);
        let one = table(&results(&[line(&runs[0], 0.5)]));
        assert!(one.contains("| 0.500    | -  |"), "{one}");
    }
}
