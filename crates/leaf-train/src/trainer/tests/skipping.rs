//! Steps that are left out because their loss is no number.

use leaf_ssl::Batch;

use super::*;
use crate::fake::{batches, values};
use crate::{BatchFaces, Error, Observer, StepReport, Warning};

fn skipping() -> TrainConfig {
    TrainConfig {
        skip_nonfinite: true,
        ..short()
    }
}

/// Batches of which some hold infinite images: the loss and the running statistics become no numbers.
fn with_bad(bad: &'static [usize]) -> impl Iterator<Item = Result<Batch>> {
    batches(3).enumerate().map(|(step, batch)| {
        let mut batch = batch?;
        if bad.contains(&step) {
            batch.labeled.images = (batch.labeled.images * f64::INFINITY)?;
        }
        Ok(batch)
    })
}

/// Counts what is skipped.
#[derive(Default)]
struct Skips {
    steps: Vec<usize>,
    count: usize,
}

impl Observer for Skips {
    fn on_warning(&mut self, warning: &Warning) -> Result<()> {
        assert!(
            warning
                .to_string()
                .starts_with("left out: the loss of step")
        );
        self.steps.push(warning.step());
        Ok(())
    }

    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        self.count = report.skipped;
        Ok(())
    }
}

#[test]
fn a_skipped_step_changes_nothing_but_its_number() -> Result<()> {
    let mut skips = Skips::default();
    let mut skipped = trainer(skipping(), FakeAlgorithm::new())?;
    let summary = skipped.run(with_bad(&[3, 4, 20]), &[], &mut [&mut skips])?;
    assert_eq!((summary.steps, summary.skipped, skips.count), (40, 3, 3));
    assert_eq!(skips.steps, [4, 5, 21]);
    assert_eq!(skipped.algorithm().losses, 37, "its state was taken back");
    for (name, values) in values(&skipped.student().parameters)? {
        assert!(values.iter().all(|value| value.is_finite()), "{name}");
    }

    // A skipped step leaves everything as it was before it.
    let mut once = trainer(skipping(), FakeAlgorithm::new())?;
    for batch in with_bad(&[3]).take(3) {
        once.step(&batch?)?;
    }
    let before = values(&once.student().parameters)?;
    let report = once.step(&with_bad(&[3]).nth(3).expect("a batch")?)?;
    assert!(report.loss.is_nan() && report.non_finite.is_some());
    assert_eq!(values(&once.student().parameters)?, before);
    assert_eq!((once.done(), once.algorithm().losses), (4, 3));
    Ok(())
}

#[test]
fn a_run_that_skips_every_step_ends() -> Result<()> {
    const BAD: [usize; 30] = {
        let mut all = [0; 30];
        let mut i = 0;
        while i < 30 {
            all[i] = i + 5;
            i += 1;
        }
        all
    };
    let mut trainer = trainer(skipping(), FakeAlgorithm::new())?;
    let error = trainer
        .run(with_bad(&BAD), &[], &mut [])
        .expect_err("the end");
    let Error::NonFinite(found) = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (found.step, found.skipped_before),
        (16, TrainConfig::MOST_SKIPPED)
    );
    assert!(
        error
            .to_string()
            .contains("the 10 steps before it were skipped")
    );
    Ok(())
}

#[test]
fn the_faces_of_the_batch_are_named() -> Result<()> {
    let mut trainer = trainer(short(), FakeAlgorithm::new())?.with_faces(|step| BatchFaces {
        labeled: vec![format!("face-of-{step}.png")],
        unlabeled: Vec::new(),
    });
    let error = trainer.run(with_bad(&[2]), &[], &mut []).expect_err("bad");
    let text = error.to_string();
    assert!(text.contains("the loss of step 3 is NaN"), "{text}");
    assert!(
        text.ends_with("labelled faces of its batch: face-of-2.png"),
        "{text}"
    );
    Ok(())
}
