//! What the lines of a comparison say.

use std::collections::BTreeMap;

use leaf_data::Shuffle;

use super::plan::tuned;
use super::{Interval, Line, Sample, Variant};
use crate::recipe::{Recipe, TrainerChoice};

/// How sure an interval is.
pub(super) const CONFIDENCE: f64 = 0.95;

/// One algorithm with one variant, at one budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The algorithm's name.
    pub algorithm: String,
    /// How many faces of each class keep their label.
    pub labels_per_class: usize,
    /// What is put into the algorithm.
    pub variant: Variant,
    /// The name of what is changed of the variant, if anything is.
    pub tuning: Option<String>,
    /// The accuracies on unseen people, over seeds.
    pub accuracy: Sample,
    /// Paired difference to the algorithm as published; `None` for itself, and if no seed has both.
    pub to_plain: Option<Difference>,
    /// Paired difference to the algorithm with alignment and without LEAF, likewise; to itself as published if it
    /// aligns its pseudo-labels anyway.
    pub to_aligned: Option<Difference>,
    /// How long a step took, in milliseconds: the mean over runs of each one's median.
    pub milliseconds_per_step: f64,
}

/// A paired difference in accuracy, over the seeds that both have.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The differences.
    pub sample: Sample,
    /// Student's 95% interval of their mean; `None` for fewer than two seeds.
    pub interval: Option<Interval>,
    /// In how many seeds the difference is above 0.
    pub wins: usize,
}

impl Row {
    /// The variant's name, with that of its tuning.
    pub fn name(&self) -> String {
        tuned(self.variant, self.tuning.as_deref())
    }
}

/// Where a row stands: its algorithm's place, its budget, its variant and what is changed of it.
pub(super) type Place = (usize, usize, Variant, Option<String>);

/// Accuracies by seed.
type BySeed = BTreeMap<u64, f64>;

/// The lines of each place. What a name means may change from one version of the program to another: only lines with the
/// settings of its last one are there.
pub(super) fn groups<'a>(
    lines: impl IntoIterator<Item = &'a Line>,
) -> BTreeMap<Place, Vec<&'a Line>> {
    let mut groups: BTreeMap<Place, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let names = TrainerChoice::NAMES.iter();
        let place = names
            .take_while(|name| **name != line.algorithm.as_str())
            .count();
        let labels = line.figures.labels_per_class;
        let place = (place, labels, line.variant, line.tuning.clone());
        let group = groups.entry(place).or_default();
        group.push(line);
    }
    for group in groups.values_mut() {
        let last = group.last().map(|line| settings(line));
        group.retain(|line| Some(settings(line)) == last);
    }
    groups
}

/// A row for each algorithm, budget and variant that has a line, in the order of the algorithms' list. Only runs with the
/// settings of the last line of its name are in a row.
pub fn results(lines: &[Line]) -> Vec<Row> {
    let groups = groups(lines);
    let of = |place: usize, labels: usize, variant: Variant| {
        let group = groups.get(&(place, labels, variant, None));
        group.map(|lines| by_seed(lines))
    };
    let rows = groups.iter().map(|(place, group)| {
        let (place, labels, variant, tuning) = (place.0, place.1, place.2, &place.3);
        let ours = by_seed(group);
        let to = |other: Variant| match other == variant && tuning.is_none() {
            true => None,
            false => difference(&ours, &of(place, labels, other)?),
        };
        let times = group.iter().map(|line| line.figures.milliseconds_per_step);
        Row {
            algorithm: group[0].algorithm.clone(),
            labels_per_class: labels,
            variant,
            tuning: tuning.clone(),
            accuracy: Sample::of(&ours.values().copied().collect::<Vec<_>>()),
            to_plain: to(Variant::Plain),
            to_aligned: to(match Variant::aligns_itself(&group[0].algorithm) {
                true => Variant::Plain,
                false => Variant::Aligned,
            }),
            milliseconds_per_step: times.sum::<f64>() / group.len() as f64,
        }
    });
    rows.collect()
}

/// What runs of a row share.
fn settings(line: &Line) -> Recipe {
    let mut recipe = line.recipe.clone();
    recipe.seed = 0;
    recipe.data.split.shuffle = Shuffle::Seeded { seed: 0 };
    recipe
}

fn by_seed(lines: &[&Line]) -> BySeed {
    let accuracy = |line: &&Line| (line.figures.seed, line.figures.rates.accuracy);
    lines.iter().map(accuracy).collect()
}

fn difference(ours: &BySeed, theirs: &BySeed) -> Option<Difference> {
    let both = ours.iter().filter_map(|(seed, accuracy)| {
        let other = theirs.get(seed)?;
        Some(accuracy - other)
    });
    let differences: Vec<f64> = both.collect();
    let sample = Sample::of(&differences);
    (sample.count > 0).then(|| Difference {
        sample,
        interval: sample.interval(CONFIDENCE),
        wins: differences.iter().filter(|&&d| d > 0.).count(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Plan;
    use crate::compare::fake::{line, plan};

    #[test]
    fn differences_are_taken_seed_by_seed() {
        let (runs, _) = plan().runs();
        // The seeds differ by far more than the variants.
        let accuracy = |run: &crate::compare::PlannedRun| {
            let seed = run.recipe.seed as f64;
            let gain = match run.variant {
                Variant::Robust => [0.03, 0.01, -0.01][run.recipe.seed as usize],
                _ => 0.,
            };
            0.3 + 0.2 * seed + gain
        };
        let lines: Vec<Line> = runs.iter().map(|run| line(run, accuracy(run))).collect();
        let rows = results(&lines);
        let names: Vec<_> = rows
            .iter()
            .map(|row| format!("{} {} {}", row.algorithm, row.labels_per_class, row.variant))
            .collect();
        assert_eq!(names[..2], ["supervised 4 plain", "supervised 4 robust"]);
        assert_eq!(
            names[4..8],
            [
                "fixmatch 4 plain",
                "fixmatch 4 aligned",
                "fixmatch 4 robust",
                "fixmatch 4 category"
            ]
        );
        let robust = &rows[6];
        let to_plain = robust.to_plain.as_ref().expect("a difference");
        assert_eq!((to_plain.sample.count, to_plain.wins), (3, 2));
        assert!((to_plain.sample.mean - 0.01).abs() < 1e-12);
        let half = 4.302_652_729_911_275 * 0.02 / 3f64.sqrt();
        let interval = to_plain.interval.expect("an interval");
        assert!((interval.low - (0.01 - half)).abs() < 1e-9, "{interval:?}");
        assert!((interval.high - (0.01 + half)).abs() < 1e-9, "{interval:?}");
        assert!(robust.accuracy.deviation.is_some_and(|sd| sd > 0.1));
        assert!(rows[4].to_plain.is_none() && rows[4].to_aligned.is_some());
        assert!(rows[0].to_aligned.is_none(), "supervised aligns nothing");
    }

    #[test]
    fn an_algorithm_that_aligns_is_its_own_control() {
        let adamatch = Plan {
            algorithms: vec!["adamatch".parse().expect("an algorithm")],
            ..plan()
        };
        let (runs, left_out) = adamatch.runs();
        assert_eq!(left_out[0].same_as.as_deref(), Some("plain"));
        let lines: Vec<Line> = runs.iter().map(|run| line(run, 0.5)).collect();
        let rows = results(&lines);
        assert_eq!(rows[1].variant, Variant::Robust);
        assert!(rows[1].to_aligned.is_some() && rows[1].to_aligned == rows[1].to_plain);
        assert!(rows[0].to_aligned.is_none());
    }

    #[test]
    fn a_row_holds_one_meaning_of_its_name() -> crate::Result<()> {
        let (runs, _) = plan().runs();
        let mut lines: Vec<Line> = runs.iter().map(|run| line(run, 0.5)).collect();
        let rows = |lines: &[Line]| results(lines)[4].accuracy;
        assert_eq!((rows(&lines).count, rows(&lines).mean), (3, 0.5));
        let first = runs.iter().find(|run| run.algorithm == "fixmatch");
        let mut other = first.expect("fixmatch").clone();
        other.recipe = other.recipe.with_setting("trainer.lambda_u=2")?;
        lines.push(line(&other, 0.25));
        assert_eq!((rows(&lines).count, rows(&lines).mean), (1, 0.25));
        Ok(())
    }

    #[test]
    fn only_seeds_of_both_count() {
        let (runs, _) = plan().runs();
        let some: Vec<Line> = runs
            .iter()
            .filter(|run| run.variant == Variant::Robust || run.recipe.seed == 1)
            .map(|run| line(run, 0.5))
            .collect();
        for row in results(&some) {
            let Some(difference) = row.to_plain else {
                continue;
            };
            assert_eq!((difference.sample.count, difference.wins), (1, 0));
            assert_eq!(difference.interval, None);
        }
        assert!(results(&[]).is_empty());
    }
}
