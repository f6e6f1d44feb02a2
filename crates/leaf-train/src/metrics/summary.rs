//! The rates of one evaluation.

use serde::{Deserialize, Serialize};

/// The rates of one evaluation, each in `[0, 1]` except the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// How many faces were evaluated.
    pub faces: u64,
    /// The mean cross-entropy.
    pub loss: f64,
    /// The share of right predictions.
    pub accuracy: f64,
    /// The mean recall of the classes that have faces.
    pub balanced_accuracy: f64,
    /// The mean precision of the classes that occur among labels or predictions.
    pub macro_precision: f64,
    /// The mean recall of the classes that occur among labels or predictions.
    pub macro_recall: f64,
    /// The mean F1 of the classes that occur among labels or predictions.
    pub macro_f1: f64,
    /// The share of faces whose class is among the k best, for k from 1 to the number of classes.
    pub top_k: Vec<f64>,
    /// The expected calibration error: how far the probability of the predicted class is from the share of
    /// right predictions ([`crate::Tally::calibration_error`]).
    pub calibration_error: f64,
    /// Each class's recall; `None` without faces of the class.
    pub recalls: Vec<Option<f64>>,
    /// How often each class (row) was predicted as each class (column).
    pub confusion: Vec<Vec<u64>>,
}

impl Metrics {
    /// The rates under their names, in the order of their fields, `top_2` and so on among them: every
    /// number of an evaluation but the counts and the recalls. `top_1` is the accuracy and not listed.
    pub fn rates(&self) -> Vec<(String, f64)> {
        let named = [
            ("loss", self.loss),
            ("accuracy", self.accuracy),
            ("balanced_accuracy", self.balanced_accuracy),
            ("macro_precision", self.macro_precision),
            ("macro_recall", self.macro_recall),
            ("macro_f1", self.macro_f1),
        ];
        let top = (1..).zip(&self.top_k).skip(1);
        let mut rates: Vec<_> = named.map(|(name, rate)| (name.to_owned(), rate)).into();
        rates.extend(top.map(|(k, share)| (format!("top_{k}"), *share)));
        rates.push(("calibration_error".to_owned(), self.calibration_error));
        rates
    }
}
