//! Cross-entropy for each row, never reduced here.

use candle_core::Tensor;

use crate::{Error, Result, fast, plain};

/// `-log softmax(z)_y` for each row: logits `(N, C)` and classes `(N,)` (u32) to `(N,)`.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit; candle's own if a class is out of range.
pub fn cross_entropy(logits: &Tensor, classes: &Tensor) -> Result<Tensor> {
    let (rows, _) = rows_and_classes(logits)?;
    if classes.dims() != [rows] {
        return Err(Error::Shape {
            what: "classes",
            expected: format!("({rows},)"),
            found: classes.dims().to_vec(),
        });
    }
    match fast::cross_entropy(logits, classes)? {
        Some(losses) => Ok(losses),
        None => plain::cross_entropy(logits, classes),
    }
}

/// `-Σ_c q_c log softmax(z)_c` for each row: logits `(N, C)` and targets `(N, C)` to `(N,)`.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ.
pub fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (rows, classes) = rows_and_classes(logits)?;
    if targets.dims() != logits.dims() {
        return Err(Error::Shape {
            what: "targets",
            expected: format!("({rows}, {classes})"),
            found: targets.dims().to_vec(),
        });
    }
    match fast::soft_cross_entropy(logits, targets)? {
        Some(losses) => Ok(losses),
        None => plain::soft_cross_entropy(logits, targets),
    }
}

/// The shape of scores `(N, C)`.
pub(crate) fn rows_and_classes(scores: &Tensor) -> Result<(usize, usize)> {
    scores.dims2().map_err(|_| Error::Shape {
        what: "scores",
        expected: "(N, C)".to_owned(),
        found: scores.dims().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn hard_is_soft_with_one_class() -> Result<()> {
        let device = Device::Cpu;
        let logits = Tensor::new(&[[1f64, 2., -1.], [0., 500., 0.]], &device)?;
        let hard = cross_entropy(&logits, &Tensor::new(&[2u32, 0], &device)?)?;
        let one_hot = Tensor::new(&[[0f64, 0., 1.], [1., 0., 0.]], &device)?;
        let soft = soft_cross_entropy(&logits, &one_hot)?;
        assert_eq!(hard.to_vec1::<f64>()?, soft.to_vec1::<f64>()?);
        assert_eq!(hard.to_vec1::<f64>()?[1], 500.);
        Ok(())
    }

    #[test]
    fn no_rows_give_no_losses() -> Result<()> {
        let logits = Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?;
        let classes = Tensor::zeros(0, DType::U32, &Device::Cpu)?;
        assert_eq!(cross_entropy(&logits, &classes)?.dims(), [0]);
        assert_eq!(soft_cross_entropy(&logits, &logits)?.dims(), [0]);
        Ok(())
    }

    #[test]
    fn wrong_shapes_are_named() -> Result<()> {
        let device = Device::Cpu;
        let logits = Tensor::zeros((2, 3), DType::F32, &device)?;
        let error = cross_entropy(&logits, &Tensor::new(&[0u32], &device)?).unwrap_err();
        assert_eq!(error.to_string(), "classes has shape [1], expected (2,)");
        Ok(())
    }
}
