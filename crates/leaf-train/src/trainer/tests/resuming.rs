//! Runs that are ended and go on.

use std::path::PathBuf;

use leaf_core::{NoiseSource, Random};
use serde_json::{Value, json};

use super::*;
use crate::checkpoint::example_card;
use crate::fake::batches;
use crate::{Error, JsonLines, Observer, RunSummary, StepReport, Stop};

/// Asks for the end after a step.
struct StopAfter {
    step: usize,
    stop: Stop,
}

impl Observer for StopAfter {
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        if report.step == self.step {
            self.stop.request();
        }
        Ok(())
    }
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn trainer(&self, config: &TrainConfig, run: Value) -> Result<FakeTrainer> {
        let noise = NoiseSource::new(Random::new(3));
        let card = example_card(&["happy", "sad", "angry"]);
        trainer(config.clone(), FakeAlgorithm::new())?
            .with_checkpoints(self.0.path(), card)?
            .with_snapshots(&self.path("checkpoints"), run, &noise)
    }

    /// Trains from wherever the folder stands, to the end or the given step.
    fn train(&self, config: &TrainConfig, until: usize) -> Result<RunSummary> {
        let stop = Stop::default();
        let mut trainer = self
            .trainer(config, json!({"seed": 1}))?
            .with_stop(stop.clone());
        let metrics = self.path("metrics.jsonl");
        let mut lines = match trainer.resume()? {
            None => JsonLines::create(&metrics)?,
            Some(resumed) => JsonLines::go_on(&metrics, resumed.written["metrics.jsonl"])?,
        };
        let mut end = StopAfter { step: until, stop };
        let validation = [set("validation", 55)?.for_selection()];
        let batches = batches(3).skip(trainer.done());
        trainer.run(batches, &validation, &mut [&mut lines, &mut end])
    }

    /// The lines without times.
    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("metrics.jsonl")).expect("metrics");
        let lines = text.lines().map(|line| {
            let mut line: Value = serde_json::from_str(line).expect("JSON");
            for measured in [
                "seconds",
                "wait_seconds",
                "images_per_second",
                "wait_share",
                "resident_memory",
            ] {
                line[measured] = Value::Null;
            }
            line
        });
        lines.collect()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("a file")
    }
}

/// Evaluates, saves and shows in different steps.
fn uneven() -> TrainConfig {
    TrainConfig {
        eval_every: 7,
        log_every: 4,
        checkpoint_every: Some(9),
        ..short()
    }
}

#[test]
fn a_run_that_is_stopped_anywhere_goes_on_bit_for_bit() -> Result<()> {
    let whole = Place::new();
    let expected = whole.train(&uneven(), 0)?;
    for steps in [&[1][..], &[13, 14, 27], &[7, 9, 36, 39]] {
        let parts = Place::new();
        for &step in steps {
            let error = parts.train(&uneven(), step).expect_err("stopped");
            let Error::Stopped {
                step: done,
                total,
                checkpoint: Some(checkpoint),
            } = &error
            else {
                panic!("{error}");
            };
            assert_eq!((*done, *total), (step, 40));
            assert!(checkpoint.ends_with(format!("step-{step:08}.json")));
            assert!(error.to_string().contains("go on from"), "{error}");
        }
        let mut found = parts.train(&uneven(), 0)?;
        found.seconds = expected.seconds;
        found.last_checkpoint.clone_from(&expected.last_checkpoint);
        found.best_checkpoint.clone_from(&expected.best_checkpoint);
        assert_eq!(found, expected);
        assert_eq!(parts.lines(), whole.lines());
        for name in [
            "last.safetensors",
            "best.safetensors",
            "checkpoints/step-00000036.safetensors",
        ] {
            assert!(parts.bytes(name) == whole.bytes(name), "{name}, {steps:?}");
        }
    }
    Ok(())
}

#[test]
fn a_stop_in_the_last_step_is_the_end() -> Result<()> {
    let place = Place::new();
    assert_eq!(place.train(&uneven(), 40)?.steps, 40);
    Ok(())
}

#[test]
fn without_regular_checkpoints_a_stop_saves_one() -> Result<()> {
    let config = TrainConfig {
        checkpoint_every: None,
        ..uneven()
    };
    let place = Place::new();
    assert!(place.train(&config, 5).is_err());
    assert_eq!(
        place
            .trainer(&config, json!({"seed": 1}))?
            .resume()?
            .map(|r| r.step),
        Some(5)
    );
    let whole = Place::new();
    whole.train(&config, 0)?;
    assert_eq!(whole.trainer(&config, json!({"seed": 1}))?.resume()?, None);
    Ok(())
}

#[test]
fn other_runs_networks_and_metrics_are_refused() -> Result<()> {
    let place = Place::new();
    assert!(place.train(&uneven(), 13).is_err());
    let mut other = place.trainer(&uneven(), json!({"seed": 2}))?;
    let text = other.resume().expect_err("another run").to_string();
    assert!(text.ends_with("seed is 1, expected 2"), "{text}");
    // The step that was saved is beyond the end of a shorter run.
    let shorter = TrainConfig {
        steps: 12,
        ..uneven()
    };
    let text = place.trainer(&shorter, json!({"seed": 1}))?.resume();
    let text = text.expect_err("a shorter run").to_string();
    assert!(text.contains("done = 13"), "{text}");
    let metrics = place.path("metrics.jsonl");
    std::fs::write(&metrics, "{}\n").expect("written");
    let text = place
        .train(&uneven(), 0)
        .expect_err("too short")
        .to_string();
    assert!(
        text.contains("metrics.jsonl has 3 bytes, expected at least"),
        "{text}"
    );
    Ok(())
}

#[test]
fn a_start_is_saved_where_it_cannot_be_made_again() -> Result<()> {
    let place = Place::new();
    let mut trainer = place
        .trainer(&uneven(), json!({"seed": 1}))?
        .saving_the_start();
    let error = trainer.run(batches(3).take(2), &[], &mut []);
    assert!(error.is_err(), "the batches end");
    assert!(place.path("checkpoints/step-00000000.safetensors").exists());
    assert_eq!(
        place
            .trainer(&uneven(), json!({"seed": 1}))?
            .resume()?
            .map(|r| r.step),
        Some(0)
    );
    Ok(())
}
