//! The files of a run that was interrupted are those of one run.
//!
//! `LEAF_RUN_FILES_DIR=DIR` keeps them, for `cargo xtask check-tensorboard` to read.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use leaf_train::{
    EvaluationReport, EvaluationTable, JsonLines, Observer, PseudoLabelQuality, SetMetrics,
    StepReport, StepTable, Tally, TensorBoard, Throughput,
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Every step is to show, with numbers that tell the first attempt at a step from the second.
fn step(step: usize, attempt: f64) -> StepReport {
    StepReport {
        skipped: 0,
        non_finite: None,
        step,
        total: 8,
        logged: true,
        learning_rate: 0.05 / step as f64,
        loss: attempt + 1. / step as f64,
        gradient_norm: 2.5,
        terms: vec![("supervised", attempt / 3.)],
        diagnostics: vec![
            ("utilization".to_owned(), vec![0.25]),
            ("thresholds".to_owned(), vec![0.95, attempt / 7., 0.95, 0.]),
            ("expert usage, semantic".to_owned(), vec![0.25, 0.75]),
        ],
        classifier_norm: None,
        seconds: 0.25,
        wait_seconds: 0.,
        images: 48,
        throughput: Some(Throughput {
            images_per_second: 192.,
            wait_share: 0.,
        }),
        resident_memory: None,
    }
}

fn evaluation(step: usize) -> Outcome<EvaluationReport> {
    let set = SetMetrics {
        set: "unseen styles".to_owned(),
        for_selection: false,
        metrics: Tally::new(4)?.metrics(),
    };
    Ok(EvaluationReport {
        step,
        sets: vec![set],
        is_best: false,
        pseudo_labels: Some(PseudoLabelQuality {
            utilization: 0.25,
            ..PseudoLabelQuality::default()
        }),
    })
}

/// Takes these steps, with an evaluation after every second.
fn take(observers: &mut [&mut dyn Observer], steps: &[usize], attempt: f64) -> Outcome {
    for &done in steps {
        for observer in observers.iter_mut() {
            observer.on_step(&step(done, attempt))?;
            if done.is_multiple_of(2) {
                observer.on_evaluation(&evaluation(done)?)?;
            }
        }
    }
    Ok(())
}

/// The bytes of the folder's files with that in their names, by their names.
fn files(folder: &Path, part: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(part) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Steps 1 to 6; then the machine stops, and the run goes on from its checkpoint after step 4.
fn interrupted(folder: &Path) -> Outcome {
    let (table, lines) = (folder.join("evaluations.csv"), folder.join("metrics.jsonl"));
    let steps = folder.join("steps.csv");
    let mut csv = EvaluationTable::create(&table)?;
    let mut shown = StepTable::create(&steps)?;
    let mut board = TensorBoard::create(folder)?;
    take(&mut [&mut csv, &mut shown, &mut board], &[1, 2, 3, 4], 1.)?;
    let bytes = |written: Option<(String, u64)>| written.map_or(0, |(_, bytes)| bytes);
    let (csv_bytes, shown_bytes) = (bytes(csv.written()?), bytes(shown.written()?));
    take(&mut [&mut csv, &mut shown, &mut board], &[5, 6], 1.)?;
    let first = files(folder, "tfevents")?;
    // Half a record.
    let mut file = OpenOptions::new().append(true).open(&first[0])?;
    file.write_all(&[9, 0, 0, 0])?;

    let mut csv = EvaluationTable::go_on(&table, csv_bytes)?;
    let mut shown = StepTable::go_on(&steps, shown_bytes)?;
    let mut board = TensorBoard::continue_after(folder, 4)?;
    take(&mut [&mut csv, &mut shown, &mut board], &[5, 6, 7, 8], 2.)?;
    let mut json = JsonLines::new(File::create(&lines)?);
    take(&mut [&mut json], &[1, 2, 3, 4], 1.)?;
    take(&mut [&mut json], &[5, 6, 7, 8], 2.)
}

#[test]
fn an_interrupted_run_leaves_the_files_of_one_run() -> Outcome {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::var_os("LEAF_RUN_FILES_DIR")
        .map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    interrupted(&folder)?;
    assert_eq!(files(&folder, "tfevents")?.len(), 2);

    let read = |name: &str| std::fs::read_to_string(folder.join(name));
    let whole = temporary.path().join("whole.csv");
    let mut table = EvaluationTable::create(&whole)?;
    take(&mut [&mut table], &[1, 2, 3, 4, 5, 6, 7, 8], 1.)?;
    assert_eq!(read("evaluations.csv")?, std::fs::read_to_string(&whole)?);
    let mut table = StepTable::create(&whole)?;
    take(&mut [&mut table], &[1, 2, 3, 4], 1.)?;
    take(&mut [&mut table], &[5, 6, 7, 8], 2.)?;
    assert_eq!(read("steps.csv")?, std::fs::read_to_string(&whole)?);
    Ok(())
}
