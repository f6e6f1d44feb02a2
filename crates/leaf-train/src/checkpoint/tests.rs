//! Checkpoints there and back, and what is refused.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use leaf_core::{Parameters, linear};

use super::card::tests::example;
use super::*;
use crate::{Error, Result};

fn network(seed: u64, width: usize) -> Result<Parameters> {
    let parameters = Parameters::new(seed);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    linear(width, 2, vb.pp("classifier"))?;
    vb.pp("bn1").get(3, "running_mean")?;
    Ok(parameters)
}

fn value(parameters: &Parameters) -> Result<Vec<f32>> {
    Ok(parameters.all()["classifier.weight"]
        .flatten_all()?
        .to_vec1()?)
}

struct Saved {
    folder: tempfile::TempDir,
    student: Parameters,
    average: Parameters,
}

impl Saved {
    fn new() -> Result<Self> {
        let saved = Self {
            folder: tempfile::tempdir().expect("a folder"),
            student: network(1, 4)?,
            average: network(2, 4)?,
        };
        let parts = [
            (Part::Student, &saved.student),
            (Part::Average, &saved.average),
        ];
        save_checkpoint(&saved.path(), &example(&["happy", "sad"]), 7, &parts)?;
        Ok(saved)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("last.safetensors")
    }
}

#[test]
fn weights_come_back() -> Result<()> {
    let saved = Saved::new()?;
    let checkpoint = Checkpoint::read(saved.path())?;
    checkpoint.check_card(&example(&["happy", "sad"]))?;
    assert_eq!(checkpoint.step(), 7);
    assert_eq!(checkpoint.part_for_use(), Part::Average);
    let fresh = network(3, 4)?;
    checkpoint.load_into(Part::Student, &fresh)?;
    assert_eq!(value(&fresh)?, value(&saved.student)?);
    checkpoint.load_into(Part::Average, &fresh)?;
    assert_eq!(value(&fresh)?, value(&saved.average)?);
    Ok(())
}

#[test]
fn equal_weights_give_equal_files() -> Result<()> {
    let (a, b) = (Saved::new()?, Saved::new()?);
    let bytes = |saved: &Saved| std::fs::read(saved.path()).expect("read");
    assert_eq!(bytes(&a), bytes(&b));
    Ok(())
}

#[test]
fn other_models_are_named_with_both_values() -> Result<()> {
    let saved = Saved::new()?;
    let checkpoint = Checkpoint::read(saved.path())?;
    let problem = |change: &dyn Fn(&mut ModelCard)| {
        let mut card = example(&["happy", "sad"]);
        change(&mut card);
        let error = checkpoint.check_card(&card).expect_err("another model");
        error.to_string()
    };
    let order = problem(&|card| card.classes.reverse());
    assert!(
        order.ends_with(r#"classes is ["happy","sad"], expected ["sad","happy"]"#),
        "{order}"
    );
    assert!(order.contains("last.safetensors"), "{order}");
    let name = problem(&|card| card.architecture.name = "resnet18".to_owned());
    assert!(name.ends_with(r#"architecture.name is "linear", expected "resnet18""#));
    assert!(problem(&|card| card.architecture.config = 3.into()).contains("architecture.config"));
    assert!(problem(&|card| card.preprocessing.size = 64).contains("size is 32, expected 64"));
    assert!(problem(&|card| card.preprocessing.std[0] = 0.5).contains("preprocessing.std"));
    Ok(())
}

#[test]
fn all_tensors_that_do_not_fit_are_named_and_nothing_is_loaded() -> Result<()> {
    let saved = Saved::new()?;
    let other = network(3, 5)?;
    other.builder(DType::F32, &Device::Cpu).get(1, "extra")?;
    let before = value(&other)?;
    let checkpoint = Checkpoint::read(saved.path())?;
    let error = checkpoint.load_into(Part::Student, &other).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("missing extra"), "{text}");
    assert!(
        text.contains("classifier.weight has shape [2, 4], expected [2, 5]"),
        "{text}"
    );
    assert_eq!(value(&other)?, before);

    let smaller = Parameters::new(0);
    linear(
        4,
        2,
        smaller.builder(DType::F32, &Device::Cpu).pp("classifier"),
    )?;
    let error = checkpoint.load_into(Part::Student, &smaller).unwrap_err();
    assert!(error.to_string().ends_with("unexpected bn1.running_mean"));
    Ok(())
}

#[test]
fn an_absent_part_misses_every_tensor() -> Result<()> {
    let saved = Saved::new()?;
    let card = example(&["happy", "sad"]);
    save_checkpoint(&saved.path(), &card, 7, &[(Part::Student, &saved.student)])?;
    let checkpoint = Checkpoint::read(saved.path())?;
    assert_eq!(checkpoint.part_for_use(), Part::Student);
    let error = checkpoint.load_into(Part::Average, &saved.average);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("part \"average\"") && text.contains("classifier.bias"));
    Ok(())
}

#[test]
fn what_is_no_checkpoint_is_refused_by_name() -> Result<()> {
    let saved = Saved::new()?;
    let text = || {
        let error = Checkpoint::read(saved.path()).expect_err("no checkpoint");
        assert!(!matches!(error, Error::Core(_)), "{error}");
        error.to_string()
    };
    let whole = std::fs::read(saved.path()).expect("read");
    for length in [0, 5, 100, whole.len() - 1] {
        std::fs::write(saved.path(), &whole[..length]).expect("write");
        let text = text();
        assert!(
            text.contains("last.safetensors: not a whole safetensors file"),
            "{text}"
        );
    }
    let tensor = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
    let foreign = HashMap::from([("weight".to_owned(), tensor)]);
    candle_core::safetensors::save(&foreign, saved.path())?;
    assert!(text().contains("without metadata \"leaf\""));
    std::fs::remove_file(saved.path()).expect("removed");
    assert!(text().starts_with("cannot read "));
    Ok(())
}

#[test]
fn a_new_run_leaves_no_best_of_an_older_one() -> Result<()> {
    let saved = Saved::new()?;
    let folder = saved.folder.path();
    let card = example(&["happy", "sad"]);
    let parts = [(Part::Student, &saved.student)];
    let mut run = CheckpointFolder::new(folder, card.clone())?;
    assert_eq!((run.last(), run.best()), (None, None));
    run.write(1, &parts, true)?;
    run.write(2, &parts, false)?;
    let best = run.best().expect("a best one");
    assert_eq!(Checkpoint::read(&best)?.step(), 1);
    assert_eq!(Checkpoint::read(saved.path())?.step(), 2);
    CheckpointFolder::new(folder, card)?.write(1, &parts, false)?;
    assert!(!best.exists());
    Ok(())
}
