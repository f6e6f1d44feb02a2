//! The main job: FixMatch with LEAF in it, on drawn faces or on one's own.
//!
//! ```text
//! cargo run --release --example fixmatch_leaf
//! cargo run --release --example fixmatch_leaf -- --compare
//! cargo run --release --example fixmatch_leaf -- --data rafdb:DIR --labels-per-class 10 --size 64
//! ```

#[path = "common/arguments.rs"]
mod arguments;
#[path = "common/faces.rs"]
mod faces;
#[path = "common/interrupt.rs"]
mod interrupt;
#[path = "common/resume.rs"]
mod resume;
#[path = "common/runs.rs"]
mod runs;
#[path = "common/say.rs"]
mod say;
#[path = "common/status.rs"]
mod status;
#[path = "common/table.rs"]
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::RunArguments;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use leaf::fixmatch::FixMatchConfig;
use leaf::recipe::{Preset, Recipe, Summary, TrainerChoice};
use resume::ResumeArgument;

/// Trains FixMatch with LEAF on faces of which few have labels, and measures it on unseen people.
///
/// Without options it trains a small network on drawn faces that come with the library. Drawn faces
/// are not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "fixmatch_leaf", allow_negative_numbers = true, after_long_help = LIVE_LINE)]
struct Arguments {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    resume: ResumeArgument,
    /// Confidence from which FixMatch takes a pseudo-label.
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.95,
        help_heading = "Training"
    )]
    threshold: f64,
    /// Train plain FixMatch and the labelled faces alone too: same split, initial encoder and batches.
    #[arg(long, conflicts_with = "init", help_heading = "Training")]
    compare: bool,
}

const LIVE_LINE: &str = "\
While it trains:
  accuracy    of the averaged weights on the test faces, at the last evaluation
  pass        share of the step's unlabelled faces that the confidence threshold lets through
  confidence  mean confidence of their pseudo-labels
  right       share of the pseudo-labels let through that are right, where the truth is known
  set         mean number of positive classes of the faces that the category level acts on
  experts     share of the faces that each expert of a level serves
  |w|         mean length of the classifier's weights of a class

Into the folder go recipe.toml, split.json, metrics.jsonl, steps.csv, evaluations.csv, TensorBoard's event files,
report.html (a page to look at), checkpoints/, last.safetensors and, with --validation, best.safetensors; weights, checkpoints and event files of an earlier run
there are removed. Anything wrong ends it with an error and the status 2; Ctrl-C ends it after the step with a
checkpoint and the status 130, and --resume goes on from there.";

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => status::of(run(&arguments, &matches)),
        Err(error) => error.exit(),
    }
}

fn run(arguments: &Arguments, matches: &ArgMatches) -> leaf::Result<()> {
    if let Some(path) = &arguments.run.summary {
        Summary::check_path(path)?;
    }
    let recipe = match &arguments.resume.resume {
        None => arguments.recipe()?,
        Some(folder) => match resume::recipe(folder, Arguments::command(), matches)? {
            Some(recipe) => recipe,
            None => return Ok(()),
        },
    };
    let device = arguments.run.device.open()?;
    let data = faces::prepare(&recipe)?;
    say::say(format!("{}, {}", recipe.describe(), arguments.run.device))?;
    let resumes = arguments.resume.resume.clone();
    let name = match &resumes {
        None => arguments.name(),
        Some(_) => runs::name(&recipe, &data)?,
    };
    let folder = resumes.clone().or_else(|| arguments.run.out.clone());
    let folder = folder.unwrap_or_else(|| PathBuf::from("runs/fixmatch_leaf"));
    let runs = runs::runs(&name, &recipe, &folder, arguments.compare);
    let summary = arguments.run.summary.as_deref();
    let manner = runs::Manner {
        resumes: resumes.is_some(),
        with_report: !arguments.run.no_report,
    };
    runs::train_all(runs, manner, &data, &device, summary)
}

impl Arguments {
    fn recipe(&self) -> leaf::Result<Recipe> {
        let mut recipe = Recipe::default();
        self.run.change(&mut recipe, &|_| true);
        let mut leaf = self.run.leaf.config();
        self.run.change_leaf(&mut leaf)?;
        let host = FixMatchConfig {
            threshold: self.threshold,
            ..FixMatchConfig::default()
        };
        recipe.trainer = TrainerChoice::FixMatch(host.with_leaf(leaf));
        Ok(recipe)
    }

    fn name(&self) -> String {
        match self.run.leaf {
            Preset::None => "plain".to_owned(),
            preset => format!("FixMatch + LEAF {preset}"),
        }
    }
}
