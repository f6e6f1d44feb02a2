//! A run, and the runs that it is compared with.

use std::path::{Path, PathBuf};

use candle_core::Device;
use leaf::core::{LeafConfig, Levels};
use leaf::recipe::{Outcome, Prepared, Recipe, RunFigures, Summary, TrainerChoice};
use leaf::report::Report;
use leaf::ssl::SupervisedConfig;
use leaf::train::{Console, Observer};

use crate::say::say;
use crate::table;
use crate::{interrupt, resume};

/// The names under which a summary holds what a run is compared with.
const PLAIN: &str = "plain";
const SUPERVISED: &str = "supervised";

/// A recipe under a name, with the folder of its files.
pub(crate) struct Run {
    name: String,
    recipe: Recipe,
    folder: PathBuf,
}

/// The run alone, or followed by its host without LEAF and the labelled faces alone: same split,
/// initial encoder and batches.
pub(crate) fn runs(name: &str, recipe: &Recipe, folder: &Path, compare: bool) -> Vec<Run> {
    let run = |name: &str, recipe: Recipe, folder: PathBuf| Run {
        name: name.to_owned(),
        recipe,
        folder,
    };
    let mut runs = vec![run(name, recipe.clone(), folder.to_owned())];
    if !compare {
        return runs;
    }
    let plain = recipe.trainer.clone().with_leaf(LeafConfig::off());
    if plain != recipe.trainer {
        runs.push(run(PLAIN, recipe.with_trainer(plain), folder.join(PLAIN)));
    }
    let supervised = Recipe {
        debias: None,
        ..recipe.with_trainer(TrainerChoice::Supervised(SupervisedConfig::default()))
    };
    runs.push(run(SUPERVISED, supervised, folder.join(SUPERVISED)));
    runs
}

/// What a run is called by its recipe.
pub(crate) fn name(recipe: &Recipe, data: &Prepared) -> leaf::Result<String> {
    let name = recipe.algorithm(&data.task())?.name().to_owned();
    Ok(match recipe.trainer.leaf().levels() {
        Levels::NONE => name,
        levels => format!("{name} + LEAF ({levels})"),
    })
}

/// How runs are done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Each goes on from where it was ended.
    pub(crate) resumes: bool,
    /// Each gets a report.
    pub(crate) with_report: bool,
}

/// Trains one after the other, from where each was ended if they resume, says what was found, and writes each
/// one's report, if it is wanted, and the first one's summary.
pub(crate) fn train_all(
    runs: Vec<Run>,
    Manner {
        resumes,
        with_report,
    }: Manner,
    data: &Prepared,
    device: &Device,
    summary: Option<&Path>,
) -> leaf::Result<()> {
    for run in &runs {
        run.recipe.check(&data.task())?;
    }
    let stop = interrupt::stop()?;
    // What a run starts from may be gone when it goes on.
    if !resumes {
        check_pretrained(&runs)?;
    }
    if let Some(run) = runs.first()
        && !resumes
        && let Some(taken) = run.recipe.describe_pretrained(data)?
    {
        say(taken)?;
    }
    let mut outcomes = Vec::new();
    for Run {
        name,
        recipe,
        folder,
    } in runs
    {
        let (steps, shown) = (recipe.train.steps, folder.display());
        say(format!("\n{name}: {steps} steps, checkpoints in {shown}"))?;
        let (mut console, mut report) = (Console::new(), None);
        let mut observers: Vec<&mut dyn Observer> = vec![&mut console];
        if with_report {
            observers.push(report.insert(Report::new(&recipe, data, device, &folder)?));
        }
        let mut run =
            leaf::recipe::Run::new(&recipe, data, device, &folder).with_stop(stop.clone());
        if resumes {
            run = run.resuming();
        }
        let outcome = run.train(&mut observers);
        let outcome = outcome.inspect_err(|error| resume::say_how(error, &folder))?;
        outcomes.push((name, recipe, outcome));
    }
    report(&outcomes, data, with_report)?;
    match summary {
        Some(path) => {
            if let Some(summary) = summary_of(&outcomes) {
                summary.write(path)?;
            }
            say(format!("figures: {}", path.display()))
        }
        None => Ok(()),
    }
}

/// All runs start from the same encoder, so none of them may write over it.
fn check_pretrained(runs: &[Run]) -> leaf::Result<()> {
    let pretrained = runs.first().and_then(|run| run.recipe.pretrained.as_ref());
    let pretrained = pretrained.and_then(|path| path.canonicalize().ok());
    let is_written = |run: &Run| {
        let folder = run.folder.canonicalize().ok();
        folder.is_some() && folder.as_deref() == pretrained.as_deref().and_then(Path::parent)
    };
    match runs.len() > 1 && runs.iter().any(is_written) {
        true => Err(leaf::train::Error::Conflict {
            given: "pretrained weights in a folder that this comparison writes to",
            expected: "another folder",
        }
        .into()),
        false => Ok(()),
    }
}

type Done = (String, Recipe, Outcome);

fn report(outcomes: &[Done], data: &Prepared, with_report: bool) -> leaf::Result<()> {
    let Some((_, _, first)) = outcomes.first() else {
        return Ok(());
    };
    if let Some(quality) = &first.pseudo_labels {
        say(table::pseudo_labels(quality, data.classes()))?;
    }
    say(table::rates(
        outcomes
            .iter()
            .map(|(name, _, outcome)| (name.as_str(), outcome)),
    ))?;
    if first.skipped > 0 {
        let skipped = first.skipped;
        say(format!("steps left out without a finite loss: {skipped}"))?;
    }
    say(format!("weights: {}", first.checkpoint.display()))?;
    if with_report {
        let page = first.checkpoint.with_file_name("report.html");
        say(format!("report: {}", page.display()))?;
    }
    match &first.best_checkpoint {
        Some(best) => say(format!(
            "best weights, by the held-out faces: {}",
            best.display()
        )),
        None => Ok(()),
    }
}

fn summary_of(outcomes: &[Done]) -> Option<Summary> {
    let figures = |(_, recipe, outcome): &Done| RunFigures::of(recipe, outcome);
    let of = |name: &str| {
        outcomes[1..]
            .iter()
            .find(|(found, ..)| found == name)
            .map(figures)
    };
    Some(Summary {
        main: figures(outcomes.first()?),
        plain: of(PLAIN),
        supervised: of(SUPERVISED),
    })
}
