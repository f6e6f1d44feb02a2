//! Every trainer, plain and with LEAF, on the same faces: one table.
//!
//! ```text
//! cargo run --release --example trainers -- --steps 200 --labels-per-class 25 --table docs/trainers-table.md
//! ```

#[path = "common/arguments.rs"]
mod arguments;
#[path = "common/faces.rs"]
mod faces;
#[path = "common/say.rs"]
mod say;
#[path = "common/status.rs"]
mod status;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use arguments::RunArguments;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use leaf::debias::DebiasConfig;
use leaf::recipe::{Prepared, Preset, Recipe, RunFigures, Summary, TrainerChoice};
use leaf::train::write_atomically;
use say::say;
use serde_json::{Value, json};

/// Trains every algorithm, plain and with LEAF, on the same faces, split, initial encoder and batches,
/// and prints a table: accuracy on unseen people, use and quality of the pseudo-labels, time of a step.
///
/// One run of each shows that they work and what they cost; it does not show which is better.
#[derive(Debug, Parser)]
#[command(name = "trainers", allow_negative_numbers = true)]
struct Arguments {
    #[command(flatten)]
    run: RunArguments,
    /// Algorithms to train, joined by commas [default: all].
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        help_heading = "Training"
    )]
    algorithms: Vec<String>,
    /// Train each with DebiasPL around it too.
    #[arg(long, help_heading = "Training")]
    debias: bool,
    /// Markdown file for the table.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    table: Option<PathBuf>,
}

/// One run of the table.
struct Run {
    name: String,
    levels: String,
    recipe: Recipe,
}

fn main() -> ExitCode {
    status::of(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    for path in arguments.table.iter().chain(&arguments.run.summary) {
        Summary::check_path(path)?;
    }
    let runs = arguments.runs()?;
    let device = arguments.run.device.open()?;
    let recipe = arguments.recipe();
    let data = faces::prepare(&recipe)?;
    for run in &runs {
        run.recipe.check(&data.task())?;
    }
    let out = arguments.run.out.clone();
    let out = out.unwrap_or_else(|| PathBuf::from("runs/trainers"));
    let bar = ProgressBar::new(runs.len() as u64);
    let style = ProgressStyle::with_template("{msg:28} {wide_bar} {pos}/{len} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut table = heading(&recipe, &data);
    let mut all = Vec::new();
    for (number, run) in runs.iter().enumerate() {
        bar.set_message(format!("{} + {}", run.name, run.levels));
        let folder = out.join(number.to_string());
        let outcome = run.recipe.train(&data, &device, &folder, &mut [])?;
        let figures = RunFigures::of(&run.recipe, &outcome);
        let row = row(run, &figures);
        bar.suspend(|| say(&row))?;
        table.push_str(&row);
        table.push('\n');
        all.push(json!({ "algorithm": run.name, "leaf": run.levels, "figures": figures }));
        arguments.write(&table, &all)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

impl Arguments {
    /// The recipe, but for the training rule.
    fn recipe(&self) -> Recipe {
        let mut recipe = Recipe::default();
        self.run.change(&mut recipe, &|_| true);
        recipe
    }

    /// The labelled faces alone, then each algorithm plain and with LEAF.
    fn runs(&self) -> leaf::Result<Vec<Run>> {
        let trainers = match self.algorithms.is_empty() {
            true => TrainerChoice::all(),
            false => self
                .algorithms
                .iter()
                .map(|name| name.parse())
                .collect::<leaf::Result<_>>()?,
        };
        let mut runs = Vec::new();
        for trainer in trainers {
            let mut presets = vec![Preset::None];
            presets.extend([self.run.leaf].into_iter().filter(|p| *p != Preset::None));
            if let TrainerChoice::AdaCm(_) = trainer {
                presets.extend(
                    [Preset::Released]
                        .into_iter()
                        .filter(|p| *p != self.run.leaf),
                );
            }
            for preset in presets {
                let mut leaf = preset.config();
                if preset == self.run.leaf {
                    self.run.change_leaf(&mut leaf)?;
                }
                let trainer = trainer.clone().with_leaf(leaf);
                runs.push(self.named(trainer.clone(), preset, false));
                if self.debias && trainer.name() != "supervised" {
                    runs.push(self.named(trainer, preset, true));
                }
            }
        }
        Ok(runs)
    }

    /// What was found so far, so that nothing is lost if a later run fails.
    fn write(&self, table: &str, all: &[Value]) -> leaf::Result<()> {
        if let Some(path) = &self.table {
            write_atomically(path, table.as_bytes())?;
        }
        if let Some(path) = &self.run.summary {
            write_atomically(path, format!("{:#}\n", json!({ "runs": all })).as_bytes())?;
        }
        Ok(())
    }

    fn named(&self, trainer: TrainerChoice, preset: Preset, debias: bool) -> Run {
        let debiased = if debias { " + DebiasPL" } else { "" };
        let levels = trainer.leaf().levels().to_string();
        let levels = match preset {
            Preset::None => "-".to_owned(),
            preset => format!("{preset}: {}", levels.replace(',', ", ")),
        };
        Run {
            name: format!("{}{debiased}", trainer.name()),
            levels,
            recipe: Recipe {
                debias: debias.then(DebiasConfig::default),
                ..self.recipe().with_trainer(trainer)
            },
        }
    }
}

fn heading(recipe: &Recipe, data: &Prepared) -> String {
    let mut text = String::from("# Every trainer, plain and with LEAF\n\n");
    let steps = recipe.train.steps;
    let labels = recipe.data.split.labels_per_class;
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "One run each: {steps} steps, {labels} labels a class, {}.\nFaces: {}\n\nAccuracy is of the \
         averaged weights on unseen people. *Used* is the mean weight of the pseudo-labels and *right* \
         the share of\nright ones among those used, over the steps before the last evaluation. A step's \
         time is the median without\nwaiting for its batch. One run shows that a trainer works and what \
         it costs, not which one is better: the\nspread between seeds is larger than most differences \
         here.\n",
        recipe.describe(),
        data.describe().replace('\n', "; ")
    );
    text.push_str("| algorithm | LEAF's levels | accuracy | used | right | ms a step |\n");
    text.push_str("|---|---|---|---|---|---|\n");
    text
}

fn row(run: &Run, figures: &RunFigures) -> String {
    let number = |value: Option<f64>| {
        let text = value.map(|value| format!("{value:.3}"));
        text.unwrap_or_else(|| "-".to_owned())
    };
    let quality = figures.pseudo_labels.as_ref();
    format!(
        "| {} | {} | {:.3} | {} | {} | {:.0} |",
        run.name,
        run.levels,
        figures.rates.accuracy,
        number(quality.map(|quality| quality.utilization)),
        number(quality.and_then(|quality| quality.accuracy)),
        figures.milliseconds_per_step
    )
}
