//! The tables at the end of a run.

use leaf::recipe::Outcome;
use leaf::train::PseudoLabelQuality;

/// A row a run: its name and, for each test set, accuracy and balanced accuracy.
pub(crate) fn print(outcomes: &[(String, Outcome)]) {
    let width = outcomes
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let sets: Vec<&str> = outcomes.first().map_or_else(Vec::new, |(_, outcome)| {
        outcome.sets.iter().map(|set| set.set.as_str()).collect()
    });
    let heading: Vec<String> = sets.iter().map(|set| format!("{set:^19}")).collect();
    println!("\n{:width$}  {}   minutes", "", heading.join("  "));
    let columns = vec![" accuracy  balanced"; sets.len()].join("  ");
    println!("{:width$}  {columns}", "");
    for (name, outcome) in outcomes {
        let cells: Vec<String> = outcome
            .sets
            .iter()
            .map(|set| {
                let metrics = &set.metrics;
                format!("{:9.3} {:9.3}", metrics.accuracy, metrics.balanced_accuracy)
            })
            .collect();
        let minutes = outcome.seconds / 60.;
        println!("{name:width$}  {}  {minutes:8.1}", cells.join("  "));
    }
}

/// How good the pseudo-labels of the last steps were, a row a class.
pub(crate) fn print_pseudo_labels(quality: &PseudoLabelQuality, classes: &[String]) {
    let width = classes.iter().map(String::len).max().unwrap_or(0).max(5);
    let share = |share: Option<f64>| {
        let text = share.map(|share| format!("{share:.3}"));
        text.unwrap_or_else(|| "-".to_owned())
    };
    println!("\n{:width$}  pseudo-labels before the last evaluation", "");
    println!("{:width$}    right     used", "");
    let total = ["all"]
        .into_iter()
        .zip([(quality.accuracy, Some(quality.utilization))]);
    let names = classes.iter().map(String::as_str);
    let rows = quality
        .classes
        .iter()
        .map(|class| (class.accuracy, class.coverage));
    for (name, (right, used)) in total.chain(names.zip(rows)) {
        println!("{name:width$}  {:>7}  {:>7}", share(right), share(used));
    }
}
