//! What a run writes for people and programs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use candle_core::{DType, Device, Tensor};
use serde_json::Value;

use super::*;
use crate::fake::batches;
use crate::{Console, EvaluationTable, JsonLines};

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
fn a_log_file_is_told_of_rare_steps_too_and_of_no_terminal() -> Result<()> {
    let rare = TrainConfig {
        log_every: 40,
        ..short()
    };
    let shown = |quiet: Duration| -> Result<Vec<String>> {
        let mut trainer = trainer(rare.clone(), FakeAlgorithm::new())?;
        let page = Page::default();
        let mut console = Console::plain(page.clone()).quiet_for_at_most(quiet);
        trainer.run(batches(3), &[set("test", 77)?], &mut [&mut console])?;
        let lines = page.lines();
        let bad = lines.iter().find(|line| line.contains(char::is_control));
        assert_eq!(bad, None);
        let steps = lines.into_iter().filter(|line| line.contains("/40  loss "));
        Ok(steps.collect())
    };
    let rare = shown(Duration::from_secs(3600))?;
    assert_eq!(rare.len(), 2, "{rare:?}");
    assert_eq!(shown(Duration::ZERO)?.len(), 40);
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
    assert_eq!(steps[1]["images"], 12);
    for name in ["wait_seconds", "images_per_second", "wait_share"] {
        assert!(steps[1][name].is_f64(), "{name}: {}", steps[1][name]);
    }
    let memory = &steps[1]["resident_memory"];
    assert_eq!(memory.is_u64(), cfg!(target_os = "linux"), "{memory}");
    assert_eq!(of("evaluation").len(), 3);
    let end = of("end")[0];
    assert_eq!(end["steps"], 40);
    assert_eq!(end["best"]["set"], "validation");
    let accuracy = end["sets"]["validation"]["accuracy"]
        .as_f64()
        .expect("a rate");
    assert!((accuracy - summary.last[0].metrics.accuracy).abs() < 1e-12);
    assert!(end["sets"]["validation"]["calibration_error"].is_f64());
    assert!(JsonLines::create(folder.path()).is_err());
    Ok(())
}

#[test]
fn evaluations_are_rows_of_a_table() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("evaluations.csv");
    let mut trainer = trainer(short(), FakeAlgorithm::new())?;
    // The name needs quotes; the other set has faces of one class alone.
    let (images, _) = crate::fake::faces(8, 5)?;
    let zeros = Tensor::zeros(5, DType::U32, &Device::Cpu)?;
    let sets = [
        set("a, \"b\"", 55)?.for_selection(),
        EvaluationSet::new("zeros", vec![(images, zeros)]),
    ];
    let mut table = EvaluationTable::create(&path)?;
    let summary = trainer.run(batches(3), &sets, &mut [&mut table])?;
    // The writer is still alive: everything was flushed.
    let mut rows = csv::Reader::from_path(&path).expect("a table");
    let rows: Vec<HashMap<String, String>> = rows
        .deserialize()
        .collect::<std::result::Result<_, _>>()
        .expect("rows of one length");
    let shape: Vec<(&str, &str)> = rows
        .iter()
        .map(|row| (row["step"].as_str(), row["set"].as_str()))
        .collect();
    let steps = ["15", "30", "40"];
    let wanted = steps
        .iter()
        .flat_map(|&step| [(step, "a, \"b\""), (step, "zeros")]);
    assert_eq!(shape, wanted.collect::<Vec<_>>());
    assert_eq!(rows[0]["best"], "true");
    for (row, set) in rows[4..].iter().zip(&summary.last) {
        let metrics = &set.metrics;
        for (name, value) in [
            ("faces", metrics.faces as f64),
            ("loss", metrics.loss),
            ("accuracy", metrics.accuracy),
            ("balanced_accuracy", metrics.balanced_accuracy),
            ("macro_precision", metrics.macro_precision),
            ("macro_recall", metrics.macro_recall),
            ("macro_f1", metrics.macro_f1),
            ("top_2", metrics.top_k[1]),
            ("top_3", 1.),
            ("calibration_error", metrics.calibration_error),
        ] {
            assert_eq!(row[name].parse::<f64>(), Ok(value), "{name}");
        }
        for (class, recall) in metrics.recalls.iter().enumerate() {
            assert_eq!(row[&format!("recall_{class}")].parse::<f64>().ok(), *recall);
        }
    }
    assert_eq!(rows[5]["recall_1"], "");
    assert!(EvaluationTable::create(folder.path()).is_err());
    Ok(())
}
