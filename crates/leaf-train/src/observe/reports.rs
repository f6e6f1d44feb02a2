//! What observers are told.

use std::path::PathBuf;

use leaf_ssl::EXPERT_USAGE;

use crate::{Metrics, NonFinite, PseudoLabelQuality};

/// What is known before the first step.
#[derive(Clone, Debug, PartialEq)]
pub struct RunStart {
    /// The algorithm's name.
    pub algorithm: String,
    /// The optimizer's name.
    pub optimizer: &'static str,
    /// How many numbers are trained.
    pub parameters: usize,
    /// How many steps were done before.
    pub done: usize,
    /// How many steps there are in all.
    pub total: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The step, from 1.
    pub step: usize,
    /// How many steps there are in all.
    pub total: usize,
    /// Whether this is a step to show: the first, the last, and every `log_every`-th.
    pub logged: bool,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// The loss that was differentiated.
    pub loss: f64,
    /// The gradient's norm before clipping.
    pub gradient_norm: f64,
    /// The loss's terms before their weights.
    pub terms: Vec<(&'static str, f64)>,
    /// The algorithm's measurements: one value, or one per expert.
    pub diagnostics: Vec<(String, Vec<f64>)>,
    /// The mean length of the classifier's weight vectors, in steps to show.
    pub classifier_norm: Option<f64>,
    /// How many steps were left out so far because their loss or gradient was no number.
    pub skipped: usize,
    /// What was wrong with this step if it was left out: then loss, terms and gradient are what they were,
    /// and nothing was trained.
    pub non_finite: Option<NonFinite>,
    /// How long the step took, in seconds, without waiting for the batch.
    pub seconds: f64,
    /// How long the step waited for its batch, in seconds; 0 outside [`crate::Trainer::run`].
    pub wait_seconds: f64,
    /// How many images the batch held, all views of all faces together; 0 outside [`crate::Trainer::run`].
    pub images: usize,
    /// How fast the steps since the last one to show were, in steps to show of [`crate::Trainer::run`].
    pub throughput: Option<Throughput>,
    /// The process's resident memory in bytes, in steps to show; `None` where the system does not tell.
    pub resident_memory: Option<u64>,
}

/// How fast some steps were, evaluations and observers not counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throughput {
    /// Images, all views of all faces together, over the time of the steps and their waiting.
    pub images_per_second: f64,
    /// The share of that time that was spent waiting for batches.
    pub wait_share: f64,
}

impl StepReport {
    /// A measurement that is a single number.
    pub fn diagnostic(&self, name: &str) -> Option<f64> {
        let found = self.diagnostics.iter().find(|(other, _)| other == name)?;
        match found.1.as_slice() {
            [value] => Some(*value),
            _ => None,
        }
    }

    /// The share of rows that each expert serves, by level.
    pub fn expert_usage(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.diagnostics.iter().filter_map(|(name, values)| {
            let level = name.strip_prefix(EXPERT_USAGE)?;
            Some((level.trim_start_matches([',', ' ']), values.as_slice()))
        })
    }
}

/// What one evaluation found on one set.
#[derive(Clone, Debug, PartialEq)]
pub struct SetMetrics {
    /// The set's name.
    pub set: String,
    /// Whether the best step is chosen on this set.
    pub for_selection: bool,
    /// The rates.
    pub metrics: Metrics,
}

/// One evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluationReport {
    /// How many steps were done.
    pub step: usize,
    /// What was found on each set, in the caller's order.
    pub sets: Vec<SetMetrics>,
    /// Whether these weights are the best so far; never true without a set for selection.
    pub is_best: bool,
    /// How good the pseudo-labels of the steps since the last evaluation were; `None` if the algorithm
    /// has none.
    pub pseudo_labels: Option<PseudoLabelQuality>,
}

/// The best step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// How many steps were done.
    pub step: usize,
    /// The set that it was chosen on.
    pub set: String,
    /// The rate that it was chosen by, on that set.
    pub value: f64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    /// How many steps were done in all.
    pub steps: usize,
    /// What the last evaluation found.
    pub last: Vec<SetMetrics>,
    /// How good the pseudo-labels of the steps before the last evaluation were.
    pub pseudo_labels: Option<PseudoLabelQuality>,
    /// The best step; `None` without a set for selection.
    pub best: Option<Best>,
    /// The file with the last weights, if one was written.
    pub last_checkpoint: Option<PathBuf>,
    /// The file with the best weights, if one was written.
    pub best_checkpoint: Option<PathBuf>,
    /// How many steps were left out because their loss or gradient was no number.
    pub skipped: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A sign that a run will lead to nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// No unlabelled face passed the host's selection for many steps.
    NothingSelected {
        /// The last of those steps, from 1.
        step: usize,
        /// How many steps in a row.
        steps: usize,
        /// The pseudo-labels' mean confidence in the last step.
        confidence: Option<f64>,
        /// The classifier's norm when it was last measured.
        classifier_norm: Option<f64>,
    },
    /// A step was left out because its loss or gradient was no number.
    Skipped(Box<NonFinite>),
    /// A checkpoint is damaged, and an older one was taken.
    Damaged {
        /// The step of the older one.
        step: usize,
        /// What is wrong with the newer one.
        what: String,
    },
}

impl Warning {
    /// The step that it is about, from 1; of a damaged checkpoint the one that it goes on from.
    pub fn step(&self) -> usize {
        match self {
            Self::NothingSelected { step, .. } => *step,
            Self::Skipped(found) => found.step,
            Self::Damaged { step, .. } => *step,
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (step, steps, confidence, classifier_norm) = match self {
            Self::NothingSelected {
                step,
                steps,
                confidence,
                classifier_norm,
            } => (step, steps, confidence, classifier_norm),
            Self::Skipped(found) => return write!(f, "left out: {}", found.summary()),
            Self::Damaged { step, what } => {
                return write!(f, "going on after step {step}, since {what}");
            }
        };
        write!(
            f,
            "no unlabelled face has passed the selection for {steps} steps (up to step {step}): none \
             is trained on with a pseudo-label. Look at the mean confidence"
        )?;
        if let Some(confidence) = confidence {
            write!(f, " ({confidence:.2})")?;
        }
        f.write_str(" against the threshold, at the classifier's norm")?;
        if let Some(norm) = classifier_norm {
            write!(f, " ({norm:.2})")?;
        }
        f.write_str(
            ": unit-length features with a small norm never get confident; and at the learning \
             rate: a loss on labelled faces that does not fall means that nothing is learned yet.",
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Step 120 of 700 with everything measured.
    pub(in crate::observe) fn report() -> StepReport {
        StepReport {
            step: 120,
            total: 700,
            logged: true,
            learning_rate: 0.0481,
            loss: 1.2345,
            gradient_norm: 2.5,
            terms: vec![("supervised", 0.9)],
            diagnostics: vec![
                ("utilization".to_owned(), vec![0.32]),
                ("confidence".to_owned(), vec![0.71]),
                ("set size".to_owned(), vec![1.8]),
                ("expert usage, semantic".to_owned(), vec![0.4, 0.1, 0.5]),
            ],
            classifier_norm: Some(1.2),
            skipped: 0,
            non_finite: None,
            seconds: 0.25,
            wait_seconds: 0.05,
            images: 105,
            throughput: Some(Throughput {
                images_per_second: 350.,
                wait_share: 0.125,
            }),
            resident_memory: Some(1 << 30),
        }
    }

    #[test]
    fn measurements_are_found_by_name() {
        let report = report();
        assert_eq!(report.diagnostic("utilization"), Some(0.32));
        assert_eq!(report.diagnostic("expert usage, semantic"), None);
        let usage: Vec<_> = report.expert_usage().collect();
        assert_eq!(usage, [("semantic", &[0.4, 0.1, 0.5][..])]);
    }

    #[test]
    fn the_warning_says_what_to_look_at() {
        let warning = Warning::NothingSelected {
            step: 400,
            steps: 200,
            confidence: Some(0.234),
            classifier_norm: None,
        };
        let text = warning.to_string();
        assert!(text.contains("for 200 steps (up to step 400)"), "{text}");
        assert!(text.contains("mean confidence (0.23) against the threshold"));
    }
}
