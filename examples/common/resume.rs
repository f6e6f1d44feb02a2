//! Going on with a run that was ended.

use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};
use leaf::recipe::Recipe;

use crate::say::say;

/// The option of a run that goes on.
#[derive(Args, Clone, Debug)]
pub(crate) struct ResumeArgument {
    /// Go on with the run in this folder, by its own recipe and from its newest checkpoint (from step 0 if
    /// there is none yet), as if it had never ended; only --device, --summary and --no-report may stand beside it.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) resume: Option<PathBuf>,
}

/// What may stand beside `--resume`: it changes no number of the run.
const BESIDE: [&str; 4] = ["resume", "device", "summary", "no_report"];

/// The recipe of the run in a folder; none if it did all of its steps, which is said.
///
/// Options that would change the recipe end the program with the status 2.
pub(crate) fn recipe(
    folder: &Path,
    mut command: Command,
    matches: &ArgMatches,
) -> leaf::Result<Option<Recipe>> {
    let others = others(&command, matches);
    if !others.is_empty() {
        let message = format!(
            "--resume goes on with the run's own recipe, expected no {} beside it",
            others.join(", ")
        );
        command.error(ErrorKind::ArgumentConflict, message).exit();
    }
    let recipe = Recipe::of_run(folder)?;
    if recipe.is_finished(folder)? {
        let (folder, steps) = (folder.display(), recipe.train.steps);
        say(format!(
            "the run in {folder} did all of its {steps} steps: nothing is left to do"
        ))?;
        return Ok(None);
    }
    Ok(Some(recipe))
}

/// Says how to go on after an error whose cause is outside the run, such as a full disk.
pub(crate) fn say_how(error: &leaf::Error, folder: &Path) {
    use leaf::train::Error::{Batch, EvaluationData, Io};
    let outside = matches!(
        error,
        leaf::Error::File { .. }
            | leaf::Error::Data(_)
            | leaf::Error::Train(Io { .. } | Batch { .. } | EvaluationData { .. })
    );
    let saved = leaf::train::last_snapshot(&folder.join("checkpoints"));
    if let (true, Some(saved)) = (outside, saved) {
        eprintln!(
            "{} is kept: once the cause is gone, go on with --resume {}",
            saved.display(),
            folder.display()
        );
    }
}

/// The options that the command line names and that may not stand beside `--resume`.
fn others(command: &Command, matches: &ArgMatches) -> Vec<String> {
    let named = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let arguments = command.get_arguments();
    arguments
        .filter(|argument| {
            let id = argument.get_id().as_str();
            !BESIDE.contains(&id) && matches.try_contains_id(id).is_ok() && named(id)
        })
        .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
        .collect()
}
