//! `--resume` and Ctrl-C.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use leaf_train::Checkpoint;

use crate::place::{Outcome, Place, assert_same, left_behind};

fn example(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["run", "--quiet", "--example", "train", "--"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// The status must be this one; the two outputs as one text.
fn said(output: &Output, status: i32) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}");
    text
}

fn text(path: &Path) -> Outcome<String> {
    Ok(path.to_str().ok_or("temporary paths are text")?.to_owned())
}

/// A recipe's file for that many steps.
fn recipe_file(place: &Place, name: &str, steps: usize) -> Outcome<String> {
    let mut recipe = place.recipe();
    recipe.train.steps = steps;
    recipe.write(&place.path(name))?;
    text(&place.path(name))
}

#[test]
fn a_run_goes_on_with_its_own_recipe_alone() -> Outcome {
    let place = Place::new()?;
    let folder = text(&place.path("run"))?;
    let none = example(&["--resume", &folder]).output()?;
    assert!(said(&none, 2).contains("holds no run"));

    let recipe = place.recipe();
    place.train(&recipe, "whole", false, &mut [])?;
    assert!(
        place
            .train_until(&recipe, "run", false, 10, &mut [])
            .is_err()
    );
    let options = ["--steps", "40", "--seed", "9", "--out", "x", "--compare"];
    let beside = example(&[&["--resume", &folder], &options[..]].concat()).output()?;
    let beside = said(&beside, 2);
    for option in ["--steps", "--seed", "--out", "--compare", "own recipe"] {
        assert!(beside.contains(option), "{beside} lacks {option}");
    }

    let summary = text(&place.path("summary.json"))?;
    let done = example(&["--resume", &folder, "--no-report", "--summary", &summary]).output()?;
    said(&done, 0);
    assert!(fs::read_to_string(&summary)?.contains("\"steps\": 30"));
    assert_same(&place.path("run"), &place.path("whole"))?;

    let before = left_behind(&place.path("run"))?;
    let again = said(&example(&["--resume", &folder]).output()?, 0);
    assert!(again.contains("nothing is left to do"), "{again}");
    assert!(left_behind(&place.path("run"))? == before);
    Ok(())
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It fails where the process has ended by itself.
        let _ = self.0.kill();
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() -> Outcome {
    let place = Place::new()?;
    let folder = text(&place.path("run"))?;
    let config = recipe_file(&place, "long.toml", 100_000)?;
    let mut run = Ended(
        example(&["--config", &config, "--out", &folder])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?,
    );
    let mut lines = BufReader::new(run.0.stderr.take().ok_or("no output")?).lines();
    // Under way: cargo has become the program, which has the same number.
    for line in lines.by_ref() {
        if line?.starts_with("step 4/") {
            break;
        }
    }
    let number = run.0.id().to_string();
    let sent = Command::new("kill").args(["-INT", &number]).status()?;
    assert!(sent.success());
    let rest: Vec<String> = lines.collect::<Result<_, _>>()?;
    let rest = rest.join("\n");
    assert_eq!(run.0.wait()?.code(), Some(130), "{rest}");
    assert!(
        rest.contains("of 100000") && rest.contains("stopped after step"),
        "{rest}"
    );
    assert!(
        rest.contains(&format!("go on with: --resume {folder}")),
        "{rest}"
    );
    let newest = leaf_train::last_snapshot(&place.path("run/checkpoints"));
    let newest = newest.ok_or("no checkpoint")?;
    let step: String = newest.display().to_string();
    let step = step.rsplit_once("step-").ok_or("a step")?.1;
    let step: usize = step.trim_end_matches(".json").parse()?;
    assert!(
        rest.contains(&format!("stopped after step {step} of")),
        "{rest}"
    );
    Ok(())
}

#[test]
fn a_run_ends_with_weights_that_say_what_they_are() -> Outcome {
    let place = Place::new()?;
    for folder in ["one", "two"] {
        place.train(&place.recipe(), folder, false, &mut [])?;
    }
    let weights = |folder: &str| place.path(folder).join("last.safetensors");
    assert!(fs::read(weights("one"))? == fs::read(weights("two"))?);
    let checkpoint = Checkpoint::read(weights("one"))?;
    assert_eq!(
        checkpoint.card().classes,
        ["anger", "fear", "joy", "sadness"]
    );
    assert!(checkpoint.has(leaf_train::Part::Student) && checkpoint.has(leaf_train::Part::Average));
    let network = leaf::recipe::ClassifierSpec::load(&checkpoint, &candle_core::Device::Cpu)?;
    assert!(!network.parameters.all().is_empty());
    Ok(())
}
