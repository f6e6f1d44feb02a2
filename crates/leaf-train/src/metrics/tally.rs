//! Predictions counted chunk by chunk.

use candle_core::{DType, Device, Tensor};

use super::calibration::Calibration;
use super::{Confusion, Metrics};
use crate::{Error, Result};

/// Counts predictions chunk by chunk, without keeping them.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_train::Tally;
///
/// # fn main() -> leaf_train::Result<()> {
/// let logits = Tensor::new(&[[2f32, 1., 0.], [1., 2., 0.]], &Device::Cpu)?;
/// let labels = Tensor::new(&[0u32, 0], &Device::Cpu)?;
/// let mut tally = Tally::new(3)?;
/// tally.add(&logits, &labels)?;
/// assert_eq!(tally.confusion().accuracy(), 0.5);
/// assert_eq!(tally.top_k(2), 1.);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Tally {
    confusion: Confusion,
    /// How often the true class had the r-th largest score.
    ranks: Vec<u64>,
    loss: f64,
    calibration: Calibration,
}

impl Tally {
    /// No predictions yet.
    ///
    /// # Errors
    /// With fewer than 2 classes.
    pub fn new(num_classes: usize) -> Result<Self> {
        Ok(Self {
            confusion: Confusion::new(num_classes)?,
            ranks: vec![0; num_classes],
            loss: 0.,
            calibration: Calibration::default(),
        })
    }

    /// Counts the predictions of logits `(N, C)` with labels `(N,)`. Among equal scores the first
    /// class is predicted.
    ///
    /// # Errors
    /// If the shapes do not belong together, a label is no class, or a score is not finite.
    pub fn add(&mut self, logits: &Tensor, labels: &Tensor) -> Result<()> {
        let num_classes = self.confusion.num_classes();
        let labels: Vec<i64> = on_host(labels, DType::I64)?.flatten_all()?.to_vec1()?;
        if logits.dims() != [labels.len(), num_classes] {
            return Err(Error::Scores {
                scores: logits.dims().to_vec(),
                labels: labels.len(),
                num_classes,
            });
        }
        let scores = on_host(logits, DType::F64)?.to_vec2::<f64>()?;
        for (row, (scores, label)) in scores.into_iter().zip(labels).enumerate() {
            let label = checked_label(label, row, num_classes)?;
            if scores.iter().any(|score| !score.is_finite()) {
                return Err(Error::NonFiniteScores { row, scores });
            }
            self.add_row(&scores, label)?;
        }
        Ok(())
    }

    fn add_row(&mut self, scores: &[f64], label: usize) -> Result<()> {
        let mut prediction = 0;
        for (class, &score) in scores.iter().enumerate() {
            if score > scores[prediction] {
                prediction = class;
            }
        }
        let own = scores[label];
        let before =
            |(class, score): &(usize, &f64)| **score > own || (**score == own && *class < label);
        let rank = scores.iter().enumerate().filter(before).count();
        let largest = scores[prediction];
        let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
        self.confusion.record(label, prediction)?;
        self.ranks[rank] += 1;
        self.loss += largest + sum.ln() - own;
        // The largest score's softmax.
        self.calibration.record(1. / sum, prediction == label);
        Ok(())
    }

    /// How many faces were counted.
    pub fn total(&self) -> u64 {
        self.confusion.total()
    }

    /// Which class was taken for which.
    pub fn confusion(&self) -> &Confusion {
        &self.confusion
    }

    /// The share of faces whose class is among the k best; 0 without any.
    pub fn top_k(&self, k: usize) -> f64 {
        let hits: u64 = self.ranks.iter().take(k).sum();
        hits as f64 / self.total().max(1) as f64
    }

    /// The mean cross-entropy; 0 without any faces.
    pub fn loss(&self) -> f64 {
        self.loss / self.total().max(1) as f64
    }

    /// The expected calibration error; 0 without any faces. A prediction's confidence is its softmax p,
    /// in one of M = 15 bins `((m-1)/M, m/M]`; of n faces,
    ///
    /// ```text
    /// ECE = sum over m of |B_m|/n * | acc(B_m) - conf(B_m) |
    /// ```
    ///
    /// with the share of right predictions and the mean of p in each bin (Guo, Pleiss, Sun and Weinberger,
    /// "On Calibration of Modern Neural Networks", ICML 2017, equation 3).
    pub fn calibration_error(&self) -> f64 {
        self.calibration.expected_error()
    }

    /// All rates.
    pub fn metrics(&self) -> Metrics {
        let confusion = &self.confusion;
        Metrics {
            faces: self.total(),
            loss: self.loss(),
            accuracy: confusion.accuracy(),
            balanced_accuracy: confusion.balanced_accuracy(),
            macro_precision: confusion.macro_precision(),
            macro_recall: confusion.macro_recall(),
            macro_f1: confusion.macro_f1(),
            top_k: (1..=confusion.num_classes())
                .map(|k| self.top_k(k))
                .collect(),
            calibration_error: self.calibration_error(),
            recalls: confusion.recalls(),
            confusion: confusion.rows(),
        }
    }
}

fn on_host(tensor: &Tensor, dtype: DType) -> Result<Tensor> {
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(dtype)?)
}

fn checked_label(label: i64, row: usize, num_classes: usize) -> Result<usize> {
    match usize::try_from(label) {
        Ok(class) if class < num_classes => Ok(class),
        _ => Err(Error::Label {
            label,
            row,
            num_classes,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(logits: &[[f32; 3]], labels: &[i64]) -> Result<Tally> {
        let mut tally = Tally::new(3)?;
        tally.add(
            &Tensor::new(logits.concat(), &Device::Cpu)?.reshape((logits.len(), 3))?,
            &Tensor::new(labels, &Device::Cpu)?,
        )?;
        Ok(tally)
    }

    #[test]
    fn ranks_give_every_top_k() -> Result<()> {
        let tally = tally(&[[3., 2., 1.], [3., 2., 1.], [3., 2., 1.]], &[0, 1, 2])?;
        let shares: Vec<f64> = (1..=3).map(|k| tally.top_k(k)).collect();
        assert_eq!(shares, [1. / 3., 2. / 3., 1.]);
        Ok(())
    }

    #[test]
    fn ties_go_to_the_first_class_everywhere() -> Result<()> {
        let tally = tally(&[[0., 0., 0.], [0., 0., 0.]], &[0, 1])?;
        assert_eq!(tally.confusion().accuracy(), 0.5);
        assert_eq!((tally.top_k(1), tally.top_k(2)), (0.5, 1.));
        Ok(())
    }

    #[test]
    fn the_loss_is_cross_entropy_even_for_large_scores() -> Result<()> {
        let uniform = tally(&[[5., 5., 5.]], &[2])?;
        assert!((uniform.loss() - 3f64.ln()).abs() < 1e-12);
        let sure = tally(&[[1000., 0., 0.], [1000., 0., 0.]], &[0, 1])?;
        assert_eq!(sure.loss(), 500.);
        Ok(())
    }

    #[test]
    fn confidence_is_the_softmax_of_the_prediction() -> Result<()> {
        // A third each, right once in three times.
        let even = tally(&[[7., 7., 7.]; 3], &[0, 1, 2])?;
        assert!(even.calibration_error() < 1e-12);
        let sure = tally(&[[1000., 0., 0.]; 4], &[0, 0, 0, 1])?;
        assert_eq!(sure.calibration_error(), 0.25);
        Ok(())
    }

    #[test]
    fn no_faces_give_zeros() -> Result<()> {
        let metrics = Tally::new(3)?.metrics();
        assert_eq!(metrics.faces, 0);
        let rates = [
            metrics.loss,
            metrics.accuracy,
            metrics.top_k[1],
            metrics.calibration_error,
        ];
        assert_eq!(rates, [0.; 4]);
        assert_eq!(metrics.recalls, [None; 3]);
        Ok(())
    }

    #[test]
    fn bad_rows_are_named() {
        let text = |logits: &[[f32; 3]], labels: &[i64]| {
            tally(logits, labels).expect_err("bad rows").to_string()
        };
        let label = text(&[[0.; 3], [0.; 3]], &[0, 3]);
        assert_eq!(label, "label 3 in row 1, expected 0 to 2");
        assert!(text(&[[0.; 3]], &[-1]).starts_with("label -1 in row 0"));
        assert!(text(&[[f32::NAN, 0., 0.]], &[0]).contains("row 0"));
        let rows = text(&[[0.; 3]], &[0, 1]);
        assert!(rows.contains("[1, 3] with 2 labels"), "{rows}");
    }
}
