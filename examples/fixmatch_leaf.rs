//! The main job: FixMatch with LEAF in it, on drawn faces or on one's own.
//!
//! ```text
//! cargo run --release --example fixmatch_leaf
//! cargo run --release --example fixmatch_leaf -- --compare
//! cargo run --release --example fixmatch_leaf -- --data rafdb:DIR --labels-per-class 10 --size 64
//! ```

mod common;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use common::arguments::RunArguments;
use common::table;
use indicatif::{ProgressBar, ProgressStyle};
use leaf::core::LeafConfig;
use leaf::fixmatch::FixMatchConfig;
use leaf::recipe::{Outcome, Prepared, Progress, Recipe, RunFiles, Summary, TrainerChoice};
use leaf::train::Console;

/// Trains FixMatch with LEAF on faces of which few have labels, and measures it on unseen people.
///
/// Without options it trains a small network on drawn faces that come with the library. Drawn faces
/// are not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "fixmatch_leaf")]
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
    #[arg(long, help_heading = "Training")]
    compare: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    let host = FixMatchConfig {
        threshold: arguments.threshold,
        ..FixMatchConfig::default()
    };
    let leaf = arguments.run.leaf_config();
    let recipe = arguments.run.recipe();
    let main_run = recipe.with_trainer(TrainerChoice::FixMatch(host.clone().with_leaf(leaf)));
    let device = arguments.run.device.open()?;
    let data = prepare(&main_run)?;

    let out = arguments.run.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from("runs/fixmatch_leaf"));
    let mut runs = vec![(name(arguments), main_run, out.clone())];
    if arguments.compare {
        let plain = TrainerChoice::FixMatch(host);
        let supervised = TrainerChoice::Supervised {
            leaf: LeafConfig::off(),
        };
        for (name, trainer) in [("plain", plain), ("supervised", supervised)] {
            runs.push((
                name.to_owned(),
                recipe.with_trainer(trainer),
                out.join(name),
            ));
        }
    }
    for (_, recipe, _) in &runs {
        recipe.check(data.classes().len())?;
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
    report(arguments, &recipe, &outcomes)
}

fn name(arguments: &Arguments) -> String {
    match arguments.run.leaf.to_string().as_str() {
        "none" => "FixMatch".to_owned(),
        preset => format!("FixMatch + LEAF {preset}"),
    }
}

/// Reads, checks and decodes the faces, and says what was found.
fn prepare(recipe: &Recipe) -> leaf::Result<Prepared> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:16} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let data = recipe.prepare(|progress: Progress| {
        bar.set_message(progress.what);
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
    })?;
    bar.finish_and_clear();
    println!("{}", data.describe());
    for bad in data.bad_files() {
        println!("left out: {bad}");
    }
    Ok(data)
}

fn report(
    arguments: &Arguments,
    recipe: &Recipe,
    outcomes: &[(String, Outcome)],
) -> leaf::Result<()> {
    table::print(outcomes);
    let rates = |name: &str| {
        let found = outcomes.iter().find(|(found, _)| found == name);
        found.map(|(_, outcome)| outcome.rates())
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
            steps: recipe.train.steps,
            seed: recipe.seed,
            labels_per_class: recipe.data.split.labels_per_class,
            rates: main_run.rates(),
            plain: rates("plain"),
            supervised: rates("supervised"),
        };
        summary.write(path)?;
        println!("figures: {}", Path::new(path).display());
    }
    Ok(())
}
