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
#[path = "common/status.rs"]
mod status;
#[path = "common/table.rs"]
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::RunArguments;
use clap::Parser;
use leaf::fixmatch::FixMatchConfig;
use leaf::recipe::{Outcome, Preset, Recipe, RunFigures, RunFiles, Summary, TrainerChoice};
use leaf::ssl::SupervisedConfig;
use leaf::train::Console;

/// Trains FixMatch with LEAF on faces of which few have labels, and measures it on unseen people.
///
/// Without options it trains a small network on drawn faces that come with the library. Drawn faces
/// are not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "fixmatch_leaf", after_long_help = LIVE_LINE)]
struct Arguments {
    #[command(flatten)]
    run: RunArguments,
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

Into the folder go recipe.toml, split.json, metrics.jsonl, last.safetensors and, with --validation,
best.safetensors. Anything wrong ends it with an error and the status 2.";

fn main() -> ExitCode {
    status::of(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    let host = FixMatchConfig {
        threshold: arguments.threshold,
        ..FixMatchConfig::default()
    };
    let mut leaf = arguments.run.leaf.config();
    arguments.run.change_leaf(&mut leaf)?;
    if let Some(path) = &arguments.run.summary {
        Summary::check_path(path)?;
    }
    let mut recipe = Recipe::default();
    arguments.run.change(&mut recipe, &|_| true);
    let main_run = recipe.with_trainer(TrainerChoice::FixMatch(host.clone().with_leaf(leaf)));
    let device = arguments.run.device.open()?;
    let data = faces::prepare(&main_run)?;
    println!("{}, {}", main_run.describe(), arguments.run.device);

    let out = arguments.run.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from("runs/fixmatch_leaf"));
    let mut runs = vec![(name(arguments.run.leaf), main_run, out.clone())];
    if arguments.compare {
        for (name, trainer) in others(arguments.run.leaf, host) {
            let folder = out.join(&name);
            runs.push((name, recipe.with_trainer(trainer), folder));
        }
    }
    for (_, recipe, _) in &runs {
        recipe.check(&data.task())?;
    }
    let mut outcomes = Vec::new();
    for (name, recipe, folder) in runs {
        println!(
            "\n{name}: {} steps, checkpoints in {}",
            recipe.train.steps,
            folder.display()
        );
        let files = RunFiles {
            folder: &folder,
            init: arguments.run.init.as_deref(),
        };
        let outcome = recipe.train(&data, &device, &files, &mut [&mut Console::new()])?;
        outcomes.push((name, outcome));
    }
    if let Some(quality) = outcomes
        .first()
        .and_then(|(_, run)| run.pseudo_labels.as_ref())
    {
        table::print_pseudo_labels(quality, data.classes());
    }
    report(arguments, &recipe, &outcomes)
}

fn name(leaf: Preset) -> String {
    match leaf {
        Preset::None => "plain".to_owned(),
        preset => format!("FixMatch + LEAF {preset}"),
    }
}

/// What the main run is compared with; without LEAF it is plain FixMatch itself.
fn others(leaf: Preset, host: FixMatchConfig) -> Vec<(String, TrainerChoice)> {
    let plain = (leaf != Preset::None).then_some(("plain", TrainerChoice::FixMatch(host)));
    let supervised = TrainerChoice::Supervised(SupervisedConfig::default());
    plain
        .into_iter()
        .chain([("supervised", supervised)])
        .map(|(name, trainer)| (name.to_owned(), trainer))
        .collect()
}

fn report(
    arguments: &Arguments,
    recipe: &Recipe,
    outcomes: &[(String, Outcome)],
) -> leaf::Result<()> {
    table::print(outcomes);
    let figures = |outcome: &Outcome| RunFigures::of(recipe, outcome);
    let of = |name: &str| {
        let found = outcomes.iter().find(|(found, _)| found == name);
        found.map(|(_, outcome)| figures(outcome))
    };
    let Some((_, main_run)) = outcomes.first() else {
        return Ok(());
    };
    println!("\nweights: {}", main_run.checkpoint.display());
    if let Some(best) = &main_run.best_checkpoint {
        println!("best weights, by the held-out faces: {}", best.display());
    }
    if let Some(path) = &arguments.run.summary {
        let summary = Summary {
            main: figures(main_run),
            plain: of("plain"),
            supervised: of("supervised"),
        };
        summary.write(path)?;
        println!("figures: {}", path.display());
    }
    Ok(())
}
