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
use leaf::recipe::{Recipe, RunFigures, RunFiles, Summary, TrainerChoice};
use leaf::train::Console;

/// Trains any of the semi-supervised algorithms, plain or with LEAF, and measures it on unseen people.
///
/// Without options it is FixMatch with LEAF on drawn faces that come with the library. Drawn faces are
/// not photographs: a figure on them says nothing of photographs.
#[derive(Debug, Parser)]
#[command(name = "train", after_long_help = FILES)]
struct Arguments {
    #[command(flatten)]
    run: RunArguments,
    /// The training rule: supervised, pseudo-label, pi-model, mean-teacher, uda, fixmatch, flexmatch,
    /// freematch, softmatch, adamatch, dash, mixmatch, remixmatch, comatch, simmatch or ada-cm.
    #[arg(long, value_name = "NAME", default_value = "fixmatch", value_parser = algorithm,
        help_heading = "Training")]
    algorithm: TrainerChoice,
    /// LEAF's levels that are on, joined by commas: semantic, instance, category [default: all that
    /// the preset and the algorithm have].
    #[arg(long, value_name = "LEVELS", help_heading = "Network")]
    levels: Option<Levels>,
    /// Put DebiasPL around the algorithm, for classes of unequal size.
    #[arg(long, help_heading = "Training")]
    debias: bool,
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
The recipe is a TOML file with every setting of a run; one that it leaves out is the default, one that is
not known is an error:

  seed = 1
  [trainer]
  algorithm = \"freematch\"
  leaf = \"robust\"          # or paper, released, none, or a table of settings
  [train]
  steps = 2000
  [data.split]
  labels_per_class = 25

Options go before the file. Into the folder go recipe.toml (the recipe that was used, in full),
split.json, metrics.jsonl, last.safetensors and, with --validation, best.safetensors. Anything wrong ends
it with an error and the status 2.";

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
    let recipe = arguments.recipe(matches)?;
    if arguments.print_config {
        print!("{}", recipe.to_toml()?);
        return Ok(());
    }
    if let Some(path) = &arguments.run.summary {
        Summary::check_path(path)?;
    }
    let device = arguments.run.device.open()?;
    let data = faces::prepare(&recipe)?;
    println!("{}, {}", recipe.describe(), arguments.run.device);
    let name = recipe.algorithm(&data.task())?.name().to_owned();
    let folder = arguments.run.out.clone();
    let folder = folder.unwrap_or_else(|| Path::new("runs").join(recipe.trainer.name()));
    println!(
        "\n{name}, LEAF's levels: {}; {} steps, checkpoints in {}",
        levels_text(recipe.trainer.leaf().levels()),
        recipe.train.steps,
        folder.display()
    );
    let files = RunFiles {
        folder: &folder,
        init: arguments.run.init.as_deref(),
    };
    let outcome = recipe.train(&data, &device, &files, &mut [&mut Console::new()])?;
    if let Some(quality) = &outcome.pseudo_labels {
        table::print_pseudo_labels(quality, data.classes());
    }
    let figures = RunFigures::of(&recipe, &outcome);
    let checkpoint = outcome.checkpoint.clone();
    table::print(&[(name, outcome)]);
    println!("\nweights: {}", checkpoint.display());
    if let Some(path) = &arguments.run.summary {
        Summary::new(figures).write(path)?;
        println!("figures: {}", path.display());
    }
    Ok(())
}

fn levels_text(levels: Levels) -> String {
    match levels {
        Levels::NONE => "none".to_owned(),
        levels => levels.to_string(),
    }
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
        self.change_trainer(&mut recipe, all, &named)?;
        for setting in &self.set {
            recipe = recipe.with_setting(setting)?;
        }
        Ok(recipe)
    }

    fn change_trainer(
        &self,
        recipe: &mut Recipe,
        all: bool,
        named: &dyn Fn(&str) -> bool,
    ) -> leaf::Result<()> {
        if all || named("algorithm") {
            recipe.trainer = self.algorithm.clone();
        }
        if all || named("algorithm") || named("leaf") {
            recipe.trainer = recipe.trainer.clone().with_leaf(self.run.leaf.config());
        }
        let mut leaf = recipe.trainer.leaf().clone();
        self.run.change_leaf(&mut leaf)?;
        if let Some(levels) = self.levels {
            check_levels(levels, &recipe.trainer)?;
            leaf = leaf.with_levels(levels);
        }
        // A trainer may adapt what it is given; what nobody changed stays as the file has it.
        if leaf != *recipe.trainer.leaf() {
            recipe.trainer = recipe.trainer.clone().with_leaf(leaf);
        }
        if self.debias {
            recipe.debias.get_or_insert_with(DebiasConfig::default);
        }
        Ok(())
    }
}

/// A level that the preset or the algorithm does not have cannot be on.
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
        there: levels_text(there),
        algorithm: trainer.name(),
    })
}
