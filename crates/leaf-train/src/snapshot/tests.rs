//! Snapshots there and back, and what is refused or passed over.

use candle_core::{Device, Tensor};
use leaf_ssl::State;
use serde_json::{Value, json};

use super::folder::Found;
use super::*;
use crate::checkpoint::names;
use crate::{Error, Result};

struct Kept {
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn snapshots(&self, keep: usize) -> Result<SnapshotFolder> {
        SnapshotFolder::new(&self.folder.path().join("checkpoints"), keep)
    }

    fn with(steps: &[usize], keep: usize) -> Result<Self> {
        let kept = Self::new();
        for &step in steps {
            kept.snapshots(keep)?.write(record(step), &tensors(step)?)?;
        }
        Ok(kept)
    }

    fn newest(&self, run: &Value) -> Result<Option<Found>> {
        self.snapshots(9)?.newest(run)
    }

    fn names(&self) -> Result<Vec<String>> {
        let mut names = names(&self.folder.path().join("checkpoints"))?;
        names.sort();
        Ok(names)
    }

    /// Changes a file.
    fn change(&self, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.folder.path().join("checkpoints").join(name);
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::write(&path, change(bytes)).expect("written");
    }
}

fn run() -> Value {
    json!({"recipe": {"seed": 3, "rate": 0.1}, "classes": ["happy", "sad"]})
}

fn record(step: usize) -> Record {
    Record {
        format: FORMAT,
        step,
        run: run(),
        noise: None,
        best: None,
        silent: 0,
        skipped: 0,
        skipped_in_a_row: 0,
        written: [("metrics.jsonl".to_owned(), 17)].into(),
        seconds: 0.5,
        tensors: Default::default(),
    }
}

fn tensors(step: usize) -> Result<State> {
    let device = &Device::Cpu;
    Ok(State::from([
        (
            "a.weight".to_owned(),
            Tensor::new(&[step as f64, f64::NAN], device)?,
        ),
        ("a.count".to_owned(), Tensor::new(7u32, device)?),
    ]))
}

#[test]
fn the_newest_comes_back_bit_for_bit() -> Result<()> {
    let kept = Kept::with(&[2, 4, 10], 9)?;
    let found = kept.newest(&run())?.expect("a snapshot");
    assert_eq!(found.record.step, 10);
    assert_eq!(found.record.written["metrics.jsonl"], 17);
    let bytes = |tensors: &State| to_bytes(tensors, kept.folder.path());
    assert_eq!(bytes(&found.tensors)?, bytes(&tensors(10)?)?);
    assert!(found.damaged.is_empty());
    assert!(Kept::new().newest(&run())?.is_none());
    Ok(())
}

#[test]
fn the_last_few_are_kept_and_those_of_a_later_part_go() -> Result<()> {
    let kept = Kept::with(&[1, 2, 3, 4], 2)?;
    let of =
        |step: usize| [".json", ".safetensors"].map(|ending| format!("step-{step:08}{ending}"));
    assert_eq!(kept.names()?, [of(3), of(4)].concat());
    // Done again from step 1 on: 3 and 4 are of a part that will be done again.
    kept.snapshots(2)?.write(record(2), &tensors(2)?)?;
    assert_eq!(kept.names()?, of(2));
    Ok(())
}

#[test]
fn a_damaged_one_is_passed_over_and_named() -> Result<()> {
    for (name, change) in [
        ("step-00000002.safetensors", "tensors"),
        ("step-00000002.json", "JSON"),
    ] {
        let kept = Kept::with(&[1, 2], 9)?;
        kept.change(name, |mut bytes| {
            bytes.truncate(bytes.len() - 3);
            bytes
        });
        let found = kept.newest(&run())?.expect("the one before");
        assert_eq!(found.record.step, 1, "{change}");
        assert!(found.damaged[0].contains(name), "{:?}", found.damaged);
    }
    let kept = Kept::with(&[1, 2], 9)?;
    kept.change("step-00000002.safetensors", |mut bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        bytes
    });
    assert_eq!(kept.newest(&run())?.expect("one").record.step, 1);
    kept.change("step-00000001.json", |_| b"{".to_vec());
    let error = kept.newest(&run()).expect_err("none is whole").to_string();
    assert!(error.contains("step-00000002.safetensors"), "{error}");
    assert!(error.contains("of hash"), "{error}");
    Ok(())
}

#[test]
fn a_newer_format_is_refused_whatever_else_it_says() -> Result<()> {
    let kept = Kept::with(&[1, 2], 9)?;
    kept.change("step-00000002.json", |_| {
        br#"{"format": 2, "something": "new"}"#.to_vec()
    });
    let error = kept.newest(&run()).expect_err("format 2");
    assert!(matches!(error, Error::OtherFormat { .. }));
    let text = error.to_string();
    assert!(
        text.contains("step-00000002.json: a checkpoint of format 2, expected format 1"),
        "{text}"
    );
    Ok(())
}

#[test]
fn another_run_is_refused_with_all_that_differs() -> Result<()> {
    let kept = Kept::with(&[1], 9)?;
    let mut other = run();
    other["recipe"]["seed"] = 4.into();
    other["classes"] = json!(["sad", "happy"]);
    let error = kept.newest(&other).expect_err("another run").to_string();
    assert!(
        error.ends_with(
            r#"is a checkpoint of another run: classes is ["happy","sad"], expected ["sad","happy"]; recipe.seed is 3, expected 4"#
        ),
        "{error}"
    );
    Ok(())
}
