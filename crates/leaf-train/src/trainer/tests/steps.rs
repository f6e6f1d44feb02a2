//! Single steps, and settings that do not fit.

use super::*;
use crate::checkpoint::example_card;
use crate::fake::{batches, values};

#[test]
fn a_step_changes_thresholds_then_weights_then_the_average() -> Result<()> {
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    let start = values(&trainer.student().parameters)?;
    let batch = batches(3).next().expect("a batch")?;
    let report = trainer.step(&batch)?;
    assert_eq!((trainer.algorithm().losses, report.step), (1, 1));
    assert_eq!(
        report.loss, report.terms[0].1,
        "the loss is that of the old weights"
    );
    let student = values(&trainer.student().parameters)?;
    let average = values(&trainer.average().expect("an average").parameters)?;
    for name in ["classifier.weight", "bn1.running_mean"] {
        assert_ne!(student[name], start[name]);
        for ((average, student), start) in
            average[name].iter().zip(&student[name]).zip(&start[name])
        {
            let wanted = 0.9 * start + 0.1 * student;
            assert!((average - wanted).abs() < 1e-6, "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_stops_before_the_weights_change() -> Result<()> {
    let algorithm = FakeAlgorithm {
        poisoned: Some(2),
        ..FakeAlgorithm::new()
    };
    let mut trainer = trainer(short(), algorithm)?;
    let error = trainer.run(batches(3), &[], &mut []).unwrap_err();
    let text = error.to_string();
    assert_eq!(
        text,
        "the loss of step 3 is NaN, expected a finite number; not finite: supervised = NaN; all terms: \
         supervised = NaN"
    );
    assert_eq!(trainer.done(), 2);
    let weights = &values(&trainer.student().parameters)?["classifier.weight"];
    assert!(weights.iter().all(|weight| weight.is_finite()));
    Ok(())
}

#[test]
fn a_gradient_that_is_no_number_stops_before_the_weights_change() -> Result<()> {
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    let before = values(&trainer.student().parameters)?["classifier.weight"].clone();
    let mut batch = batches(3).next().expect("a batch")?;
    // Large enough for the loss to stay finite while the gradient's square overflows.
    batch.labeled.images = (batch.labeled.images * 1e30)?;
    let text = trainer.step(&batch).unwrap_err().to_string();
    assert!(
        text.starts_with("the gradient's norm of step 1 is inf"),
        "{text}"
    );
    assert!(text.contains("supervised = "), "{text}");
    let after = &values(&trainer.student().parameters)?["classifier.weight"];
    assert_eq!(after, &before);
    Ok(())
}

#[test]
fn clipping_bounds_the_step() -> Result<()> {
    let config = TrainConfig {
        clip: Some(1e-3),
        learning_rate: 1.,
        ..short()
    };
    let mut trainer = trainer(config, FakeAlgorithm::new())?;
    let flat = |trainer: &FakeTrainer| -> Result<Vec<f32>> {
        let mut all = values(&trainer.student().parameters)?;
        all.remove("bn1.running_mean");
        Ok(all.into_values().flatten().collect())
    };
    let before = flat(&trainer)?;
    let report = trainer.step(&batches(3).next().expect("a batch")?)?;
    assert!(report.gradient_norm > 0.1, "the norm before clipping");
    let after = flat(&trainer)?;
    let squares = before.iter().zip(&after).map(|(a, b)| (a - b).powi(2));
    // Nesterov's first step is 1.9 gradients long; decay adds a little.
    assert!(squares.sum::<f32>().sqrt() < 4e-3);
    Ok(())
}

#[test]
fn settings_and_networks_must_agree() -> Result<()> {
    let student = learner(1)?;
    let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
    let mut without = Trainer::new(short(), student, FakeAlgorithm::new(), optimizer)?;
    let error = without.run(batches(3), &[], &mut []).unwrap_err();
    assert!(error.to_string().contains("without an average network"));
    let config = TrainConfig {
        ema_decay: None,
        ..short()
    };
    let plain = trainer(config, FakeAlgorithm::new())?;
    let card = example_card(&["happy", "sad"]);
    let error = plain.with_checkpoints(Path::new("unused"), card);
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("2 names for a network of 3 classes"),
        "{text}"
    );
    let config = TrainConfig {
        ema_decay: None,
        ..short()
    };
    let plain = trainer(config, FakeAlgorithm::new())?;
    assert!(plain.with_average(learner(2)?).is_err());
    let warm = CosineSchedule { warmup_steps: 40 };
    let late = trainer(short(), FakeAlgorithm::new())?.with_schedule(warm);
    assert!(late.is_err());
    Ok(())
}
