//! Any trainer, plain or with LEAF, on drawn faces or on one's own.
//!
//! ```text
//! cargo run --release --example train -- --algorithm freematch --leaf robust
//! cargo run --release --example train -- --algorithm flexmatch --levels semantic,category --debias
//! cargo run --release --example train -- --config mine.toml --steps 2000
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

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::RunArguments;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use leaf::core::Levels;
use leaf::debias::DebiasConfig;
use leaf::recipe::{Recipe, Summary, TrainerChoice};
use resume::ResumeArgument;

/// Trains any of the semi-supervised algorithms, plain or with LEAF, and measures it on unseen people.
///
/// Without options it is FixMatch with LEAF on drawn faces that come with the library. Drawn faces are
/// not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "train", allow_negative_numbers = true, after_long_help = FILES)]
struct Arguments {
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    resume: ResumeArgument,
    /// The training rule: supervised, pseudo-label, pi-model, mean-teacher, uda, fixmatch, flexmatch,
    /// freematch, softmatch, adamatch, dash, mixmatch, remixmatch, comatch, simmatch or ada-cm.
    #[arg(long, value_name = "NAME", default_value = "fixmatch", value_parser = algorithm,
        help_heading = "Training")]
    algorithm: TrainerChoice,
    /// Confidence from which a pseudo-label counts, for algorithms with one such threshold
    /// [default: the published one].
    #[arg(long, value_name = "P", help_heading = "Training")]
    threshold: Option<f64>,
    /// LEAF's levels that are on, joined by commas: semantic, instance, category [default: all that
    /// the preset and the algorithm have].
    #[arg(long, value_name = "LEVELS", help_heading = "Network")]
    levels: Option<Levels>,
    /// Put DebiasPL around the algorithm, for classes of unequal size; --debias=false removes it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
        default_missing_value = "true", help_heading = "Training")]
    debias: Option<bool>,
    /// Train the algorithm without LEAF and the labelled faces alone too: same split, initial encoder
    /// and batches.
    #[arg(long, conflicts_with = "init", help_heading = "Training")]
    compare: bool,
    /// Recipe to start from (TOML); options that are given here go before it.
    #[arg(long, value_name = "FILE", help_heading = "Recipe")]
    config: Option<PathBuf>,
    /// Setting of the recipe by its path, for instance trainer.threshold=0.8; may be repeated and goes
    /// before everything else.
    #[arg(long, value_name = "PATH=VALUE", help_heading = "Recipe")]
    set: Vec<String>,
    /// Print the recipe in full and end: a file to start from.
    #[arg(long, help_heading = "Recipe")]
    print_config: bool,
}

const FILES: &str = "\
The recipe is a TOML file with every setting of a run; one that it leaves out is the default (FixMatch, LEAF's
robust preset in whatever algorithm), one that is not known is an error, a part that is off is \"off\":

  seed = 1
  [trainer]
  algorithm = \"freematch\"
  leaf = \"robust\"          # or paper, released, none, or a table of settings
  [train]
  steps = 2000
  [data]
  source = \"rafdb:DIR\"
  [data.split]
  labels_per_class = 25

Options go before the file; --algorithm keeps the file's LEAF unless --leaf is given too. Into the folder go
recipe.toml (the recipe that was used, in full), split.json, metrics.jsonl, steps.csv, evaluations.csv, TensorBoard's
event files, report.html (a page to look at), checkpoints/, last.safetensors and, with --validation, best.safetensors; weights, checkpoints and event files
of an earlier run there are removed. Anything wrong ends it with an error and the status 2; Ctrl-C ends it after the step
with a checkpoint and the status 130, and --resume goes on from there.";

fn algorithm(text: &str) -> Result<TrainerChoice, String> {
    text.parse().map_err(|error: leaf::Error| error.to_string())
}

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => status::of(run(&arguments, &matches)),
        Err(error) => error.exit(),
    }
}

fn run(arguments: &Arguments, matches: &ArgMatches) -> leaf::Result<()> {
    let recipe = match &arguments.resume.resume {
        None => arguments.recipe(matches)?,
        Some(folder) => match resume::recipe(folder, Arguments::command(), matches)? {
            Some(recipe) => recipe,
            None => return Ok(()),
        },
    };
    if arguments.print_config {
        return say::say(recipe.to_toml()?.trim_end());
    }
    if let Some(path) = &arguments.run.summary {
        Summary::check_path(path)?;
    }
    let device = arguments.run.device.open()?;
    let data = faces::prepare(&recipe)?;
    say::say(format!("{}, {}", recipe.describe(), arguments.run.device))?;
    let name = runs::name(&recipe, &data)?;
    let resumes = arguments.resume.resume.clone();
    let folder = resumes.clone().or_else(|| arguments.run.out.clone());
    let folder = folder.unwrap_or_else(|| Path::new("runs").join(recipe.trainer.name()));
    let runs = runs::runs(&name, &recipe, &folder, arguments.compare);
    let summary = arguments.run.summary.as_deref();
    let manner = runs::Manner {
        resumes: resumes.is_some(),
        with_report: !arguments.run.no_report,
    };
    runs::train_all(runs, manner, &data, &device, summary)
}

impl Arguments {
    /// The file's recipe with the options that the command line names; without a file, all options.
    fn recipe(&self, matches: &ArgMatches) -> leaf::Result<Recipe> {
        let named = |option: &str| matches.value_source(option) == Some(ValueSource::CommandLine);
        let (mut recipe, all) = match &self.config {
            Some(path) => (Recipe::read(path)?, false),
            None => (Recipe::default(), true),
        };
        self.run.change(&mut recipe, &|option| all || named(option));
        if named("algorithm") && self.algorithm.name() != recipe.trainer.name() {
            let leaf = recipe.trainer.leaf().clone();
            recipe.trainer = self.algorithm.clone().with_leaf(leaf);
        }
        if all || named("leaf") {
            recipe.trainer = recipe.trainer.with_leaf(self.run.leaf.config());
        }
        self.change_leaf(&mut recipe.trainer)?;
        match self.debias {
            Some(true) => {
                recipe.debias.get_or_insert_with(DebiasConfig::default);
            }
            Some(false) => recipe.debias = None,
            None => {}
        }
        if let Some(threshold) = self.threshold {
            recipe = recipe.with_setting(&format!("trainer.threshold={threshold:?}"))?;
        }
        for setting in &self.set {
            recipe = recipe.with_setting(setting)?;
        }
        Ok(recipe)
    }

    /// Puts numbers and levels into what the trainer has of LEAF; the rest of it stays as it is.
    fn change_leaf(&self, trainer: &mut TrainerChoice) -> leaf::Result<()> {
        if let Some(levels) = self.levels {
            check_levels(levels, trainer)?;
            let leaf = trainer.leaf().clone().with_levels(levels);
            *trainer.leaf_mut() = leaf;
        }
        self.run.change_leaf(trainer.leaf_mut())
    }
}

/// A level that the trainer does not have cannot be on.
fn check_levels(asked: Levels, trainer: &TrainerChoice) -> leaf::Result<()> {
    let there = trainer.leaf().levels();
    let lacks = (asked.semantic && !there.semantic)
        || (asked.instance && !there.instance)
        || (asked.category && !there.category);
    if !lacks {
        return Ok(());
    }
    Err(leaf::Error::Levels {
        asked,
        there: match there {
            Levels::NONE => "none".to_owned(),
            there => there.to_string(),
        },
        algorithm: trainer.name(),
    })
}
