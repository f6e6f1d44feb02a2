//! What features keep, as a table.

use std::collections::{BTreeMap, BTreeSet};

use super::results::{CONFIDENCE, groups};
use super::table::markdown;
use super::{Line, Sample};
use crate::probe::Kept;

/// Two rows for each algorithm, budget and variant with such figures, the encoder's features and the fused ones: how
/// much of each factor they explain ([`Kept`]), the mean over seeds with the half width of Student's 95 % interval.
/// Empty if no line has any.
pub fn kept_table(lines: &[Line]) -> String {
    let factors: BTreeSet<&String> = lines.iter().flat_map(|line| line.kept.keys()).collect();
    let mut all = vec![HEADING.map(str::to_owned).to_vec()];
    all[0].extend(factors.iter().copied().cloned());
    for mut group in groups(lines).into_values() {
        group.retain(|line| !line.kept.is_empty());
        let Some(first) = group.first() else { continue };
        let labels = first.figures.labels_per_class.to_string();
        for (layer, share) in LAYERS {
            let count = group.len().to_string();
            let place = [&first.algorithm, &labels, &first.name(), layer, &count];
            let mut row: Vec<String> = place.iter().map(|cell| (*cell).to_owned()).collect();
            row.extend(factors.iter().map(|factor| cell(&group, factor, share)));
            all.push(row);
        }
    }
    match all.len() {
        1 => String::new(),
        _ => markdown(&all),
    }
}

const HEADING: [&str; 5] = ["algorithm", "labels a class", "variant", "features", "n"];

/// What is kept of a factor in a layer.
type Share = fn(&Kept) -> f64;

/// The layers by name.
const LAYERS: [(&str, Share); 2] = [
    ("encoder", |kept| kept.encoder),
    ("fused", |kept| kept.fused),
];

fn cell(group: &[&Line], factor: &str, of: Share) -> String {
    let by_seed: BTreeMap<u64, f64> = group
        .iter()
        .filter_map(|line| Some((line.figures.seed, of(line.kept.get(factor)?))))
        .collect();
    if by_seed.is_empty() {
        return "-".to_owned();
    }
    let sample = Sample::of(&by_seed.into_values().collect::<Vec<_>>());
    let mean = format!("{:.3}", sample.mean);
    match sample.interval(CONFIDENCE) {
        Some(interval) => format!("{mean} ± {:.3}", (interval.high - interval.low) / 2.),
        None => mean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fake::{line, plan};

    #[test]
    fn a_row_says_what_a_layer_keeps() {
        let (runs, _) = plan().runs();
        assert_eq!(kept_table(&[line(&runs[0], 0.5)]), "");
        let lines: Vec<Line> = runs
            .iter()
            .filter(|run| run.algorithm == "fixmatch")
            .filter(|run| run.recipe.data.split.labels_per_class == 4)
            .map(|run| {
                let encoder = [0.1, 0.2, 0.3][run.recipe.seed as usize];
                let kept = Kept {
                    encoder,
                    fused: 0.5,
                };
                line(run, 0.5).with_kept([("hair".to_owned(), kept)].into())
            })
            .collect();
        let text = kept_table(&lines);
        let rows: Vec<&str> = text.lines().collect();
        // Four variants of two layers, the heading and the rule below it.
        assert_eq!(rows.len(), 10, "{text}");
        assert!(
            rows[0].ends_with("| features | n | hair          |"),
            "{text}"
        );
        assert!(
            rows[2].ends_with("| encoder  | 3 | 0.200 ± 0.248 |"),
            "{text}"
        );
        assert!(
            rows[3].ends_with("| fused    | 3 | 0.500 ± 0.000 |"),
            "{text}"
        );
    }
}
