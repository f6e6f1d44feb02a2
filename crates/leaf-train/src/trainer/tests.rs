//! Whole runs of a small network.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use serde_json::Value;

use super::*;
use crate::checkpoint::example_card;
use crate::fake::{FakeAlgorithm, FakeNetwork, batches, faces, values};
use crate::{
    Checkpoint, Console, EvaluationReport, EvaluationSet, JsonLines, Observer, OptimizerConfig,
    RunSummary, StepReport, evaluate,
};

fn learner(seed: u64) -> Result<Learner<FakeNetwork>> {
    let (network, parameters) = FakeNetwork::new(seed)?;
    Ok(Learner {
        network,
        parameters,
    })
}

fn short() -> TrainConfig {
    TrainConfig {
        steps: 40,
        eval_every: 15,
        ema_decay: Some(0.9),
        ..TrainConfig::default()
    }
}

type FakeTrainer = Trainer<FakeNetwork, FakeAlgorithm>;

fn trainer(config: TrainConfig, algorithm: FakeAlgorithm) -> Result<FakeTrainer> {
    let student = learner(1)?;
    let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
    let average = config.ema_decay.is_some();
    let trainer = Trainer::new(config, student, algorithm, optimizer)?;
    if average {
        return trainer.with_average(learner(2)?);
    }
    Ok(trainer)
}

fn set<'a>(name: &str, seed: u64) -> Result<EvaluationSet<'a>> {
    Ok(EvaluationSet::new(name, vec![faces(seed, 150)?]))
}

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

/// Text that can be read while its writer is owned by someone else.
#[derive(Clone, Debug, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Page {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.borrow().clone()).expect("text");
        text.lines().map(str::to_owned).collect()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
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
    assert_eq!(recorder.ends, [summary.clone()]);
    let best = summary.best.expect("a best step");
    let values = recorder.evaluations.iter();
    let values = values.map(|e| e.sets[0].metrics.accuracy);
    assert_eq!(best.value, values.fold(0., f64::max));
    assert_eq!(best.set, "validation");
    Ok(())
}

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
fn going_on_from_a_saved_state_equals_not_stopping() -> Result<()> {
    let all: Vec<_> = batches(3).take(20).collect::<Result<_>>()?;
    let mut whole = trainer(short(), FakeAlgorithm::new())?;
    let mut first = trainer(short(), FakeAlgorithm::new())?;
    let mut second = trainer(short(), FakeAlgorithm::new())?;
    for batch in &all[..10] {
        whole.step(batch)?;
        first.step(batch)?;
    }
    second
        .student()
        .parameters
        .copy_from(&first.student().parameters)?;
    let average = |trainer: &FakeTrainer| trainer.average().expect("an average").parameters.clone();
    average(&second).copy_from(&average(&first))?;
    second.load_state(&first.state()?, first.done())?;
    for batch in &all[10..] {
        whole.step(batch)?;
        second.step(batch)?;
    }
    let (a, b) = (whole.student(), second.student());
    assert_eq!(values(&a.parameters)?, values(&b.parameters)?);
    assert_eq!(values(&average(&whole))?, values(&average(&second))?);
    assert_eq!(second.algorithm().losses, 20);
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
        "the loss of step 3 is NaN, expected a finite number; its terms: supervised = NaN"
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
        text.starts_with("the gradient's norm in step 1 is inf"),
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

#[test]
fn a_selection_that_lets_nothing_pass_is_reported_once() -> Result<()> {
    let config = TrainConfig {
        warn_after: 5,
        ..short()
    };
    let algorithm = FakeAlgorithm {
        utilization: [vec![0.; 12], vec![0.5], vec![0.; 6], vec![0.5]].concat(),
        ..FakeAlgorithm::new()
    };
    let mut trainer = trainer(config, algorithm)?;
    let (page, json) = (Page::default(), Page::default());
    let mut console = Console::plain(page.clone());
    let mut lines = JsonLines::new(json.clone());
    trainer.run(batches(3), &[], &mut [&mut console, &mut lines])?;
    let warnings: Vec<String> = page
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("for 5 steps (up to step 5)"));
    assert!(warnings[0].contains("confidence (0.75)") && warnings[0].contains("norm (1.25)"));
    assert!(warnings[1].contains("up to step 18"), "{warnings:?}");
    let json = json.lines();
    let in_json = json.iter().filter(|line| line.contains(r#""warning""#));
    assert_eq!(in_json.count(), 2);
    Ok(())
}

#[test]
fn plain_lines_show_a_run_to_a_log() -> Result<()> {
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    let page = Page::default();
    let validation = [set("validation", 55)?.for_selection()];
    let mut console = Console::plain(page.clone());
    trainer.run(batches(3), &validation, &mut [&mut console])?;
    let lines = page.lines();
    assert_eq!(lines[0], "fake with SGD: 15 parameters, 40 steps");
    let steps: Vec<&String> = lines.iter().filter(|line| line.contains("loss ")).collect();
    assert!(steps[0].starts_with("step 1/40  loss "), "{lines:?}");
    assert!(!steps[0].contains("accuracy"), "nothing was evaluated yet");
    let last = lines.iter().find(|line| line.starts_with("step 40/40"));
    let last = last.expect("a line for the last step");
    for figure in [
        "accuracy 0.",
        "pass 0.50",
        "confidence 0.75",
        "semantic experts 0.25/0.75",
        "|w| 1.25",
        "steps/s",
        "eta 0s",
    ] {
        assert!(last.contains(figure), "{last} lacks {figure}");
    }
    assert!(
        lines
            .iter()
            .any(|line| line.contains("step 15  validation: accuracy 0."))
    );
    assert!(
        lines
            .last()
            .expect("lines")
            .starts_with("40 steps done in ")
    );
    Ok(())
}

#[test]
fn metrics_are_one_json_object_a_line() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("metrics.jsonl");
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    let validation = [set("validation", 55)?.for_selection()];
    let mut lines = JsonLines::create(&path)?;
    let summary = trainer.run(batches(3), &validation, &mut [&mut lines])?;
    // The writer is still alive: everything was flushed.
    let text = std::fs::read_to_string(&path).expect("read");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let of = |event: &str| -> Vec<&Value> {
        lines.iter().filter(|line| line["event"] == event).collect()
    };
    assert_eq!(of("start")[0]["total"], 40);
    let steps = of("step");
    assert_eq!(steps.len(), 5);
    assert_eq!(steps[1]["step"], 10);
    assert_eq!(steps[1]["diagnostics"]["utilization"], 0.5);
    assert_eq!(steps[1]["diagnostics"]["expert usage, semantic"][1], 0.75);
    assert_eq!(steps[1]["terms"]["supervised"], steps[1]["loss"]);
    assert_eq!(of("evaluation").len(), 3);
    let end = of("end")[0];
    assert_eq!(end["steps"], 40);
    assert_eq!(end["best"]["set"], "validation");
    let accuracy = end["sets"]["validation"]["accuracy"]
        .as_f64()
        .expect("a rate");
    assert!((accuracy - summary.last[0].metrics.accuracy).abs() < 1e-12);
    assert!(JsonLines::create(folder.path()).is_err());
    Ok(())
}
