//! What a run reports and leaves behind.

use super::*;
use crate::checkpoint::example_card;
use crate::fake::batches;
use crate::{Checkpoint, EvaluationReport, Observer, RunSummary, StepReport, evaluate};

/// Counts what it is told.
#[derive(Debug, Default)]
struct Recorder {
    steps: Vec<StepReport>,
    evaluations: Vec<EvaluationReport>,
    ends: Vec<RunSummary>,
}

impl Observer for Recorder {
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        self.steps.push(report.clone());
        Ok(())
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        self.evaluations.push(report.clone());
        Ok(())
    }

    fn on_end(&mut self, summary: &RunSummary) -> Result<()> {
        self.ends.push(summary.clone());
        Ok(())
    }
}

#[test]
fn a_run_learns_and_reports() -> Result<()> {
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    let before = evaluate(trainer.network_for_use(), &set("test", 77)?)?.accuracy;
    let sets = [set("validation", 55)?.for_selection(), set("test", 77)?];
    let mut recorder = Recorder::default();
    let summary = trainer.run(batches(3), &sets, &mut [&mut recorder])?;

    let after = summary.last[1].metrics.accuracy;
    assert!(after > 0.75 && after > before + 0.2, "{before} to {after}");
    assert_eq!(recorder.steps.len(), 40);
    let logged = recorder.steps.iter().filter(|report| report.logged);
    let logged: Vec<usize> = logged.map(|report| report.step).collect();
    assert_eq!(logged, [1, 10, 20, 30, 40]);
    let evaluated: Vec<usize> = recorder.evaluations.iter().map(|e| e.step).collect();
    assert_eq!(evaluated, [15, 30, 40]);
    assert!(recorder.steps[39].loss < recorder.steps[0].loss);
    assert_eq!(recorder.steps[0].learning_rate, 0.05);
    assert_eq!(recorder.ends, std::slice::from_ref(&summary));
    let best = summary.best.expect("a best step");
    let values = recorder.evaluations.iter();
    let values = values.map(|e| e.sets[0].metrics.accuracy);
    assert_eq!(best.value, values.fold(0., f64::max));
    assert_eq!(best.set, "validation");
    Ok(())
}

#[test]
fn nothing_is_chosen_on_a_set_that_is_not_marked() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let card = example_card(&["happy", "sad", "angry"]);
    let mut unmarked =
        trainer(short(), FakeAlgorithm::new())?.with_checkpoints(folder.path(), card.clone())?;
    let summary = unmarked.run(batches(3), &[set("test", 77)?], &mut [])?;
    assert_eq!((summary.best, summary.best_checkpoint), (None, None));
    let last = summary.last_checkpoint.expect("last weights");
    assert_eq!(Checkpoint::read(&last)?.step(), 40);
    assert!(!folder.path().join("best.safetensors").exists());

    let both = [set("a", 1)?.for_selection(), set("b", 2)?.for_selection()];
    let mut twice = trainer(short(), FakeAlgorithm::new())?;
    let error = twice.run(batches(3), &both, &mut []).unwrap_err();
    assert!(error.to_string().starts_with(r#"["a", "b"] are marked"#));
    Ok(())
}

#[test]
fn checkpoints_hold_what_was_evaluated() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let card = example_card(&["happy", "sad", "angry"]);
    let mut trainer = trainer(short(), FakeAlgorithm::new())?
        .with_checkpoints(&folder.path().join("new"), card.clone())?;
    let validation = [set("validation", 55)?.for_selection()];
    let summary = trainer.run(batches(3), &validation, &mut [])?;
    let last = summary.last_checkpoint.expect("last weights");
    let checkpoint = Checkpoint::read(last)?;
    checkpoint.check_card(&card)?;
    let fresh = learner(9)?;
    checkpoint.load_into(checkpoint.part_for_use(), &fresh.parameters)?;
    let again = evaluate(&fresh.network, &validation[0])?;
    assert_eq!(again, summary.last[0].metrics);
    let best = summary.best_checkpoint.expect("best weights");
    let best = Checkpoint::read(best)?;
    assert_eq!(best.step(), summary.best.expect("a best step").step);
    Ok(())
}

#[test]
fn batches_that_fail_or_end_are_named_by_their_step() -> Result<()> {
    let mut ended = trainer(short(), FakeAlgorithm::new())?;
    let error = ended.run(batches(3).take(5), &[], &mut []).unwrap_err();
    let text = error.to_string();
    assert_eq!(text, "the batches ended after 5 steps, expected 40");
    let mut failed = trainer(short(), FakeAlgorithm::new())?;
    let bad = std::iter::once(Err::<leaf_ssl::Batch, _>("a.png is no image"));
    let error = failed.run(bad, &[], &mut []).unwrap_err().to_string();
    assert!(error.starts_with("the batch of step 1"), "{error}");
    assert!(error.ends_with("a.png is no image"), "{error}");
    Ok(())
}
