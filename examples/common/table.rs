//! The tables at the end of a run.

use leaf::recipe::Outcome;
use leaf::train::PseudoLabelQuality;

/// A row a run: its name and, for each test set, accuracy and balanced accuracy.
pub(crate) fn rates<'a>(outcomes: impl Iterator<Item = (&'a str, &'a Outcome)> + Clone) -> String {
    let width = outcomes
        .clone()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let first = outcomes.clone().next();
    let sets: Vec<&str> = first.map_or_else(Vec::new, |(_, outcome)| {
        outcome.sets.iter().map(|set| set.set.as_str()).collect()
    });
    let heading: Vec<String> = sets.iter().map(|set| format!("{set:^19}")).collect();
    let columns = vec![" accuracy  balanced"; sets.len()].join("  ");
    let mut lines = vec![
        format!("\n{:width$}  {}   minutes", "", heading.join("  ")),
        format!("{:width$}  {columns}", ""),
    ];
    lines.extend(outcomes.map(|(name, outcome)| {
        let rates = outcome.sets.iter().map(|set| &set.metrics);
        let cells: Vec<String> = rates
            .map(|rates| format!("{:9.3} {:9.3}", rates.accuracy, rates.balanced_accuracy))
            .collect();
        let minutes = outcome.seconds / 60.;
        format!("{name:width$}  {}  {minutes:8.1}", cells.join("  "))
    }));
    lines.push(String::new());
    lines.join("\n")
}

/// How good the pseudo-labels of the last steps were, a row a class.
pub(crate) fn pseudo_labels(quality: &PseudoLabelQuality, classes: &[String]) -> String {
    let width = classes.iter().map(String::len).max().unwrap_or(0).max(5);
    let share = |share: Option<f64>| {
        let text = share.map(|share| format!("{share:.3}"));
        text.unwrap_or_else(|| "-".to_owned())
    };
    let mut lines = vec![
        format!("\n{:width$}  pseudo-labels before the last evaluation", ""),
        format!("{:width$}    right     used", ""),
    ];
    let all = ("all", (quality.accuracy, Some(quality.utilization)));
    let of_class = quality.classes.iter();
    let of_class = of_class.map(|class| (class.accuracy, class.coverage));
    let rows = classes.iter().map(String::as_str).zip(of_class);
    lines.extend(
        std::iter::once(all)
            .chain(rows)
            .map(|(name, (right, used))| {
                format!("{name:width$}  {:>7}  {:>7}", share(right), share(used))
            }),
    );
    lines.join("\n")
}
