//! What a face that is not selected teaches: nothing, the loss of the level, or what leaks.

use candle_core::{DType, Tensor, Var};
use leaf::recipe::{Levels, Preset, TrainerChoice};
use leaf_core::{CategoryDecoupling, LeafConfig, soft_cross_entropy};
use leaf_ssl::{AverageAlignment, Logits, Result, linear_ramp};
use leaf_trial::{CLASSES, STEPS, Trial, batch};

use crate::LAST;
use crate::trainers::{at_threshold, build, masked};

/// Each unlabelled face's weight, and the gradient of the loss in its (first) strong view.
fn faces(trainer: &TrainerChoice) -> Result<Vec<(f64, Vec<f64>)>> {
    let mut algorithm = build(trainer)?;
    let mut trial = Trial::new(trainer.leaf(), &algorithm)?;
    // Rules that start by accepting everything have seen some faces by then.
    trial.train(&mut algorithm, 0..LAST)?;
    trial.strong_pixel_gradients(&mut algorithm, LAST)
}

fn category_only(trainer: &TrainerChoice, preset: Preset) -> TrainerChoice {
    let levels = Levels {
        category: true,
        ..Levels::NONE
    };
    let leaf = preset.config().with_levels(levels);
    let leaf = LeafConfig {
        // Whole rows must not see each other, as they do in a contrastive loss and under dropout's
        // shared stream of noise.
        contrastive: None,
        margins: None,
        dropout: 0.,
        normalization: leaf_core::Normalization::None,
        ..leaf
    };
    trainer.clone().with_leaf(leaf)
}

/// Heights of a threshold, of which one lets some faces pass and others not.
fn thresholds() -> impl Iterator<Item = f64> {
    (0..40).map(|i| 0.145 * 1.045f64.powi(i))
}

/// Calls `check` with each rejected face's place in the batch and its gradient.
fn rejected(trainer: &TrainerChoice, check: impl Fn(&TrainerChoice, usize, &[f64])) -> Result<()> {
    for threshold in thresholds() {
        let trainer = at_threshold(trainer, threshold);
        let faces = faces(&trainer)?;
        let accepted = faces.iter().filter(|(weight, _)| *weight > 0.).count();
        if accepted == 0 || accepted == faces.len() {
            continue;
        }
        for (face, (weight, gradient)) in faces.iter().enumerate() {
            if *weight == 0. {
                check(&trainer, face, gradient);
            }
        }
        return Ok(());
    }
    panic!(
        "{}: all faces or none pass, whatever the threshold",
        trainer.name()
    );
}

#[test]
fn a_rejected_face_teaches_the_plain_host_and_the_paper_nothing() -> Result<()> {
    for trainer in masked() {
        for preset in [Preset::None, Preset::Paper] {
            let trainer = category_only(&trainer, preset);
            rejected(&trainer, |trainer, face, gradient| {
                assert!(
                    gradient.iter().all(|g| *g == 0.),
                    "{trainer:?}, face {face}: {gradient:?}"
                );
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_rejected_face_leaks_under_the_released_mask() -> Result<()> {
    for trainer in masked() {
        let trainer = category_only(&trainer, Preset::Released);
        rejected(&trainer, |trainer, face, gradient| {
            assert!(
                gradient.iter().any(|g| *g != 0.),
                "{trainer:?}, face {face} does not leak"
            );
        })?;
    }
    Ok(())
}

/// The gradient that the loss of the robust category level alone has in the strong views, computed by hand.
fn soft_loss_gradients(trainer: &TrainerChoice) -> Result<Vec<Vec<f64>>> {
    let leaf = trainer.leaf();
    let category = leaf.category.as_ref().expect("a category level");
    let mut algorithm = build(trainer)?;
    let mut trial = Trial::new(leaf, &algorithm)?;
    let alignment = category.alignment.as_ref().expect("robust aligns");
    let mut alignment = AverageAlignment::new(alignment, CLASSES)?;
    let decoupling = CategoryDecoupling::new(category.decoupling.clone(), CLASSES)?;
    let mut teacher = None;
    for index in 0..=LAST {
        let batch = batch(index, algorithm.views())?;
        let logits = |images: &Tensor| -> Result<Logits> {
            let output =
                leaf_ssl::Network::forward(&trial.student, images, leaf_core::Mode::Teacher)?;
            Logits::new(output.logits)
        };
        let weak = batch.unlabeled.weak.iter().map(logits);
        let probs = Logits::mean(&weak.collect::<Result<Vec<_>>>()?)?.probs()?;
        teacher = Some(alignment.align(&probs)?);
        if index < LAST {
            trial.train(&mut algorithm, index..index + 1)?;
        }
    }
    let teacher = teacher.expect("a step");
    let sets = decoupling.decouple(teacher.tensor())?;
    let strong = Var::from_tensor(&batch(LAST, algorithm.views())?.unlabeled.strong[0])?;
    let output =
        leaf_ssl::Network::forward(&trial.student, strong.as_tensor(), leaf_core::Mode::Train)?;
    let degrees = teacher.sharpened(category.decoupling.teacher_temperature)?;
    let losses = (soft_cross_entropy(&output.logits, degrees.tensor())? * &sets.weight)?;
    let ramp = linear_ramp(leaf_ssl::Step::new(LAST, STEPS), category.ramp);
    let loss = (losses.mean_all()? * (ramp * category.weight))?;
    let grads = loss.backward()?;
    let grad = grads.get(&strong).expect("a gradient");
    Ok(grad.flatten_from(1)?.to_dtype(DType::F64)?.to_vec2()?)
}

#[test]
fn a_rejected_face_teaches_exactly_the_soft_loss_under_robust() -> Result<()> {
    for trainer in masked() {
        let trainer = category_only(&trainer, Preset::Robust);
        rejected(&trainer, |trainer, face, gradient| {
            let expected = soft_loss_gradients(trainer).expect("a gradient by hand");
            let expected = &expected[face];
            assert!(expected.iter().any(|g| *g != 0.));
            for (found, wanted) in gradient.iter().zip(expected) {
                assert!(
                    (found - wanted).abs() <= 1e-5 * wanted.abs() + 1e-8,
                    "{trainer:?}, face {face}: {found}, expected {wanted}"
                );
            }
        })?;
    }
    Ok(())
}
