//! What a run has told so far: its `metrics.jsonl`, which also knows the steps before a run was resumed.

use std::collections::BTreeMap;
use std::path::Path;

use leaf_train::{Metrics, PseudoLabelQuality};
use serde::Deserialize;

use super::chart::Series;
use crate::{Error, Result};

/// A run's steps and evaluations in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Course {
    pub(super) steps: Vec<StepLine>,
    pub(super) evaluations: Vec<EvaluationLine>,
    pub(super) warnings: Vec<String>,
}

/// A step to show.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StepLine {
    pub(super) step: usize,
    learning_rate: Option<f64>,
    loss: Option<f64>,
    #[serde(default)]
    images_per_second: Option<f64>,
    terms: BTreeMap<String, Option<f64>>,
    diagnostics: BTreeMap<String, Numbers>,
}

/// One evaluation of all sets.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct EvaluationLine {
    pub(super) step: usize,
    pub(super) pseudo_labels: Option<PseudoLabelQuality>,
    pub(super) sets: BTreeMap<String, Metrics>,
}

/// A measurement; what is not finite is `null` in the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Numbers {
    Many(Vec<Option<f64>>),
    One(Option<f64>),
}

#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Step(StepLine),
    Evaluation(EvaluationLine),
    Warning {
        text: String,
    },
    #[serde(other)]
    Other,
}

impl Course {
    /// What the file says; a last line that is not whole is not there yet.
    ///
    /// # Errors
    /// [`Error::File`] naming the file, and the line if it makes no sense.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let failed = |source: std::io::Error| Error::File {
            path: path.display().to_string(),
            source,
        };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).map_err(|error| failed(std::io::Error::other(error)))
    }

    pub(super) fn parse(text: &str) -> std::result::Result<Self, String> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut course = Self::default();
        for (number, line) in whole.lines().enumerate() {
            let line = serde_json::from_str(line)
                .map_err(|error| format!("line {}: {error}", number + 1))?;
            course.add(line);
        }
        Ok(course)
    }

    /// Takes a line in; where a run was resumed further back, its later steps count.
    fn add(&mut self, line: Line) {
        match line {
            Line::Step(step) => {
                self.steps.retain(|earlier| earlier.step < step.step);
                self.steps.push(step);
            }
            Line::Evaluation(evaluation) => {
                let step = evaluation.step;
                self.evaluations.retain(|earlier| earlier.step < step);
                self.evaluations.push(evaluation);
            }
            Line::Warning { text } => self.warnings.push(text),
            Line::Other => {}
        }
    }

    /// The last evaluation of a set.
    pub(super) fn last(&self, set: &str) -> Option<&Metrics> {
        self.evaluations.last()?.sets.get(set)
    }

    /// The sets' names.
    pub(super) fn sets(&self) -> Vec<&str> {
        let first = self.evaluations.first();
        let names = first.into_iter().flat_map(|found| found.sets.keys());
        names.map(String::as_str).collect()
    }

    /// A rate of a set over the evaluations.
    pub(super) fn rate(&self, set: &str, of: impl Fn(&Metrics) -> Option<f64>) -> Series {
        let points = self.evaluations.iter().filter_map(|found| {
            let metrics = found.sets.get(set)?;
            Some((found.step as f64, of(metrics)?))
        });
        Series {
            name: set.to_owned(),
            points: points.collect(),
        }
    }

    /// A number of the steps, under a name.
    fn over_steps(&self, name: &str, of: impl Fn(&StepLine) -> Option<f64>) -> Series {
        let points = self.steps.iter();
        let points = points.filter_map(|line| Some((line.step as f64, of(line)?)));
        Series {
            name: name.to_owned(),
            points: points.collect(),
        }
    }

    /// The loss that was differentiated.
    pub(super) fn loss(&self, name: &str) -> Series {
        self.over_steps(name, |line| line.loss)
    }

    /// The learning rate.
    pub(super) fn learning_rate(&self) -> Series {
        self.over_steps("learning rate", |line| line.learning_rate)
    }

    /// How many images a second the steps took.
    pub(super) fn speed(&self) -> Series {
        self.over_steps("images a second", |line| line.images_per_second)
    }

    /// The names of the loss's terms.
    pub(super) fn terms(&self) -> Vec<&str> {
        let first = self.steps.first();
        let names = first.into_iter().flat_map(|line| line.terms.keys());
        names.map(String::as_str).collect()
    }

    /// A term of the loss.
    pub(super) fn term(&self, term: &str, name: &str) -> Series {
        self.over_steps(name, |line| line.terms.get(term).copied().flatten())
    }

    /// The names of the measurements that begin with these words.
    pub(super) fn measured(&self, start: &str) -> Vec<&str> {
        let last = self.steps.last();
        let names = last.into_iter().flat_map(|line| line.diagnostics.keys());
        let names = names.map(String::as_str);
        names.filter(|name| name.starts_with(start)).collect()
    }

    /// A measurement, a series for each of its values.
    pub(super) fn measurement(&self, name: &str, names: impl Fn(usize) -> String) -> Vec<Series> {
        let values = |line: &StepLine| match line.diagnostics.get(name) {
            None => Vec::new(),
            Some(Numbers::One(value)) => vec![*value],
            Some(Numbers::Many(values)) => values.clone(),
        };
        let count = self.steps.iter().map(|line| values(line).len()).max();
        (0..count.unwrap_or(0))
            .map(|i| self.over_steps(&names(i), |line| values(line).get(i).copied().flatten()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = r#"{"event":"step","step":10,"loss":1.5,"learning_rate":null,
        "terms":{"supervised":1.0},"diagnostics":{"thresholds":[0.5,null],"utilization":0.25}}"#;

    fn lines(lines: &[String]) -> String {
        let lines = lines.iter().map(|line| line.replace('\n', "") + "\n");
        lines.collect()
    }

    #[test]
    fn measurements_become_series() {
        let other = r#"{"event":"start","total":7}"#.to_owned();
        let course = Course::parse(&lines(&[other, STEP.to_owned()])).expect("lines");
        let thresholds = course.measurement("thresholds", |i| format!("class {i}"));
        assert_eq!(thresholds[0].points, [(10., 0.5)]);
        assert!(thresholds[1].points.is_empty() && thresholds[1].name == "class 1");
        assert_eq!(course.term("supervised", "training").points, [(10., 1.)]);
        assert_eq!(course.measured("util"), ["utilization"]);
        assert!(course.learning_rate().points.is_empty());
    }

    #[test]
    fn a_resumed_run_replaces_its_later_steps() {
        let later = |step: usize, loss: &str| {
            let line = STEP.replace("10,", &format!("{step},"));
            line.replace("1.5", loss)
        };
        let text = lines(&[
            later(10, "3"),
            later(20, "2"),
            later(30, "1"),
            later(20, "7"),
        ]);
        let course = Course::parse(&text).expect("lines");
        assert_eq!(course.loss("loss").points, [(10., 3.), (20., 7.)]);
    }

    #[test]
    fn half_a_line_is_not_there_and_a_bad_one_is_named() {
        let text = lines(&[STEP.to_owned()]) + "{\"event\":\"st";
        assert_eq!(Course::parse(&text).expect("a line").steps.len(), 1);
        let error = Course::parse("{}\n{}\n").expect_err("no event");
        assert!(error.starts_with("line 1: "), "{error}");
    }
}
