//! A training run in a process of its own, which may be killed.
//!
//! The process is this test program again, with this file's test alone and its task in variables.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use leaf::recipe::Recipe;

use crate::place::{Outcome, Place, assert_same, recipe};

const FACES: &str = "LEAF_TEST_FACES";
const FOLDER: &str = "LEAF_TEST_FOLDER";
const POINT: &str = "LEAF_TEST_POINT";
/// What a process says before it waits to be killed.
const REACHED: &str = "fault point reached: ";

/// What ends a process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kill {
    /// Nothing.
    Never,
    /// The time since its start.
    After(Duration),
    /// The n-th point between the steps of writing a file.
    AtPoint(usize),
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum End {
    Killed {
        /// The point that it was at and the file that it was about, if it was killed at one.
        at: Option<String>,
    },
    Over(ExitStatus, String),
}

/// The command that trains in a folder, from where it stands.
pub(crate) fn command(faces: &Path, folder: &Path) -> Outcome<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["--exact", "child::trains_where_it_is_told", "--nocapture"])
        .env(FACES, faces)
        .env(FOLDER, folder);
    Ok(command)
}

/// Trains in a folder, in a process that is killed.
pub(crate) fn train(faces: &Path, folder: &Path, kill: Kill) -> Outcome<End> {
    let mut command = command(faces, folder)?;
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Kill::AtPoint(number) = kill {
        command.env(POINT, number.to_string());
    }
    let mut child = command.spawn()?;
    match kill {
        Kill::Never => {}
        Kill::After(time) => {
            std::thread::sleep(time);
            if child.try_wait()?.is_none() {
                child.kill()?;
                child.wait()?;
                return Ok(End::Killed { at: None });
            }
        }
        Kill::AtPoint(_) => {
            if let Some(at) = reached(&mut child)? {
                child.kill()?;
                child.wait()?;
                return Ok(End::Killed { at: Some(at) });
            }
        }
    }
    let output = child.wait_with_output()?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(End::Over(output.status, message))
}

/// Waits until the process waits at its point; none if it ended before.
fn reached(child: &mut Child) -> Outcome<Option<String>> {
    let output = child.stdout.take().ok_or("no output")?;
    for line in BufReader::new(output).lines() {
        if let Some((_, at)) = line?.split_once(REACHED) {
            return Ok(Some(at.to_owned()));
        }
    }
    Ok(None)
}

/// From now on this process waits to be killed when it comes to the n-th point.
fn wait_at(number: usize) {
    let count = AtomicUsize::new(0);
    leaf_train::fault::at_fault_points(move |point, path| {
        if count.fetch_add(1, Ordering::Relaxed) + 1 == number {
            println!("{REACHED}{point} {}", path.display());
            // The line must be out before the process is gone.
            let _ = std::io::stdout().flush();
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        }
    });
}

#[test]
fn trains_where_it_is_told() -> Outcome {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(faces), Some(folder)) = (variable(FACES), variable(FOLDER)) else {
        return a_process_of_its_own_changes_nothing();
    };
    if let Ok(number) = std::env::var(POINT) {
        wait_at(number.parse()?);
    }
    train_here(&faces, &folder)
}

/// What `--resume` does, or the first start if there is nothing to go on with.
fn train_here(faces: &Path, folder: &Path) -> Outcome {
    let (recipe, resumes) = match Recipe::of_run(folder) {
        Ok(recipe) => (recipe, true),
        Err(leaf::Error::NoRun { .. }) => (recipe(faces), false),
        Err(error) => return Err(error.into()),
    };
    if resumes && recipe.is_finished(folder)? {
        return Ok(());
    }
    let prepared = recipe.prepare(|_| {})?;
    let run = leaf::recipe::Run::new(&recipe, &prepared, &candle_core::Device::Cpu, folder);
    let run = if resumes { run.resuming() } else { run };
    run.train(&mut [])?;
    Ok(())
}

fn a_process_of_its_own_changes_nothing() -> Outcome {
    let place = Place::new()?;
    place.train(&place.recipe(), "here", false, &mut [])?;
    let elsewhere = place.path("elsewhere");
    let end = train(&place.faces(), &elsewhere, Kill::Never)?;
    assert!(
        matches!(&end, End::Over(status, _) if status.success()),
        "{end:?}"
    );
    assert_same(&elsewhere, &place.path("here"))
}
