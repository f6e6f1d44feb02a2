//! Losses that hold a strong prediction to a face's positive and negative classes.

use candle_core::Tensor;

use crate::cross_entropy::rows_and_classes;
use crate::{Error, LabelSets, Result, fast, plain};

/// The decoupled consistency loss `(N,)`: every positive class must score above every negative one.
///
/// `ln(1 + Σ_{p in P} Σ_{n in N} e^{s_n - s_p})` for strong logits `s (N, C)`. With one positive class
/// it is the cross-entropy. It pushes hardest on the weakest positive class. It is neither weighted
/// nor reduced here. Source: arXiv 2404.15041, category level; FPL (CVPR 2023).
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_core::{CategoryDecoupling, DecouplingConfig, cross_entropy, decoupled_consistency};
///
/// # fn main() -> leaf_core::Result<()> {
/// let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), 4)?;
/// let sure = Tensor::new(&[[0.999f32, 0.0005, 0.0003, 0.0002]], &Device::Cpu)?;
/// let strong = Tensor::new(&[[1f32, 0.5, -1., 2.]], &Device::Cpu)?;
/// let loss = decoupled_consistency(&strong, &decoupling.decouple(&sure)?)?;
/// let same = cross_entropy(&strong, &Tensor::new(&[0u32], &Device::Cpu)?)?;
/// assert!((loss - same)?.abs()?.to_vec1::<f32>()?[0] < 1e-6);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] if the sets are of other faces or classes.
pub fn decoupled_consistency(strong_logits: &Tensor, sets: &LabelSets) -> Result<Tensor> {
    check(strong_logits, sets)?;
    match fast::set_loss(strong_logits, &sets.positive, fast::SetLoss::Ranking)? {
        Some(losses) => Ok(losses),
        None => plain::decoupled_consistency(strong_logits, sets),
    }
}

/// The set loss `(N,)`: the negative classes must lose their probability.
///
/// `-ln Σ_{p in P} softmax(s)_p = ln(1 + Σ_{n in N} e^{s_n} / Σ_{p in P} e^{s_p})`. It leaves open which
/// positive class is right, so a wrong class in the set costs little. It is neither weighted nor reduced here.
///
/// # Errors
/// [`Error::Shape`] if the sets are of other faces or classes.
pub fn positive_set_loss(strong_logits: &Tensor, sets: &LabelSets) -> Result<Tensor> {
    check(strong_logits, sets)?;
    match fast::set_loss(strong_logits, &sets.positive, fast::SetLoss::Mass)? {
        Some(losses) => Ok(losses),
        None => plain::positive_set_loss(strong_logits, sets),
    }
}

fn check(strong_logits: &Tensor, sets: &LabelSets) -> Result<()> {
    let (rows, classes) = rows_and_classes(strong_logits)?;
    if sets.positive.dims() != [rows, classes] {
        return Err(Error::Shape {
            what: "positive sets",
            expected: format!("({rows}, {classes})"),
            found: sets.positive.dims().to_vec(),
        });
    }
    Ok(())
}
