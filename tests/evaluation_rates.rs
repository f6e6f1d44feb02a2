//! The rates of evaluation against scikit-learn's, and the calibration error against NumPy.
//!
//! `tests/golden/evaluation.py` wrote the numbers.

use std::error::Error;
use std::path::Path;

use candle_core::{Device, Tensor};
use leaf_train::{Metrics, Tally};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    scores: Vec<Vec<f64>>,
    labels: Vec<u32>,
    accuracy: f64,
    balanced_accuracy: f64,
    macro_precision: f64,
    macro_recall: f64,
    macro_f1: f64,
    loss: f64,
    calibration_error: f64,
    top_k: Vec<f64>,
    recalls: Vec<Option<f64>>,
    confusion: Vec<Vec<u64>>,
}

impl Case {
    /// Counted in chunks of so many faces.
    fn tally(&self, chunk: usize) -> Result<Tally, Box<dyn Error>> {
        let device = &Device::Cpu;
        let mut tally = Tally::new(self.scores[0].len())?;
        for (scores, labels) in self.scores.chunks(chunk).zip(self.labels.chunks(chunk)) {
            let scores = Tensor::new(scores.to_vec(), device)?;
            tally.add(&scores, &Tensor::new(labels, device)?)?;
        }
        Ok(tally)
    }

    fn check(&self, tally: &Tally) {
        let metrics = tally.metrics();
        for (what, found, wanted) in self.rates(&metrics) {
            self.near(what, found, wanted);
        }
        for (k, &wanted) in (1..).zip(&self.top_k) {
            self.near(&format!("top {k}"), tally.top_k(k), wanted);
            self.near(&format!("top {k}"), metrics.top_k[k - 1], wanted);
        }
        assert_eq!(metrics.recalls.len(), self.recalls.len(), "{}", self.name);
        for (class, (&found, &wanted)) in metrics.recalls.iter().zip(&self.recalls).enumerate() {
            let what = format!("recall of class {class}");
            assert_eq!(found.is_some(), wanted.is_some(), "{}: {what}", self.name);
            self.near(&what, found.unwrap_or(0.), wanted.unwrap_or(0.));
        }
        assert_eq!(metrics.confusion, self.confusion, "{}", self.name);
        assert_eq!(metrics.faces, self.labels.len() as u64, "{}", self.name);
    }

    fn rates(&self, found: &Metrics) -> [(&'static str, f64, f64); 7] {
        [
            ("accuracy", found.accuracy, self.accuracy),
            (
                "balanced accuracy",
                found.balanced_accuracy,
                self.balanced_accuracy,
            ),
            (
                "macro precision",
                found.macro_precision,
                self.macro_precision,
            ),
            ("macro recall", found.macro_recall, self.macro_recall),
            ("macro F1", found.macro_f1, self.macro_f1),
            ("loss", found.loss, self.loss),
            (
                "calibration error",
                found.calibration_error,
                self.calibration_error,
            ),
        ]
    }

    fn near(&self, what: &str, found: f64, wanted: f64) {
        let near = (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.);
        assert!(near, "{}: {what} is {found}, expected {wanted}", self.name);
    }
}

#[test]
fn rates_are_those_of_scikit_learn() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/evaluation/rates.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    assert_eq!(golden.cases.len(), 7);
    for case in &golden.cases {
        for chunk in [case.labels.len(), 7] {
            case.check(&case.tally(chunk)?);
        }
    }
    Ok(())
}
