//! LEAF's set loss in a host that accepts nearly every face.

use candle_core::{DType, Tensor};
use leaf_core::{
    CategoryConfig, CategoryDecoupling, CategoryLoss, DecouplingConfig, Faces, LeafConfig, Mode,
    positive_set_loss,
};
use leaf_ssl::{Algorithm, AverageAlignment, Logits, Network, Result};

use crate::{CLASSES, Trial, batch, term};

/// Fails unless, with the set loss on [`Faces::Both`] alone, the unlabelled term of the first
/// step is `mean_i m_i w_i L+_i`, with the host's weights `m`, the sets' weights `w` and the set loss
/// `L+` of the strong view against the aligned sets of the weak one.
///
/// The level alone, so that no gate draws noise. In the first step the ramp is 0, so `1 - m` adds nothing.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When the term is another or 0, or the algorithm selects nothing.
pub fn assert_set_loss_by_the_hosts_weight<A: Algorithm>(
    build: impl Fn(LeafConfig) -> Result<A>,
) -> Result<()> {
    let leaf = LeafConfig {
        category: Some(CategoryConfig {
            loss: CategoryLoss::Set,
            faces: Faces::Both,
            ramp: 0.3,
            ..CategoryConfig::default()
        }),
        ..LeafConfig::off()
    };
    let mut algorithm = build(leaf.clone())?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let found = term(&losses, "unlabeled")?;
    let weights = losses.selection.expect("the algorithm selects").weights;

    let faces = &batch.unlabeled;
    let by_face = set_losses(&trial, &faces.weak[0], &faces.strong[0])?;
    let expected = (by_face * weights)?.mean_all()?.to_dtype(DType::F64)?;
    let expected = expected.to_scalar::<f64>()?;
    assert!(
        found > 0. && (found - expected).abs() < 1e-6,
        "{found} instead of {expected}"
    );
    Ok(())
}

/// `w_i L+_i` of each face `(M,)`.
fn set_losses(trial: &Trial, weak: &Tensor, strong: &Tensor) -> Result<Tensor> {
    let weak = trial.student.forward(weak, Mode::Teacher)?;
    let strong = trial.student.forward(strong, Mode::Train)?;
    let probs = Logits::new(weak.logits)?.probs()?;
    let aligned = AverageAlignment::new(&Default::default(), CLASSES)?.align(&probs)?;
    let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), CLASSES)?;
    let sets = decoupling.decouple(aligned.tensor())?;
    Ok((positive_set_loss(&strong.logits, &sets)? * sets.weight)?)
}
