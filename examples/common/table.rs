//! The table at the end of a run.

use leaf::recipe::Outcome;

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
