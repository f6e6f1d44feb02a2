//! A process that does runs for another one.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use candle_core::Device;
use leaf::compare::{Line, Origin, PlannedRun};
use leaf::probe::{Factors, Kept, probe};
use leaf::recipe::{ClassifierSpec, Prepared, Recipe};
use leaf::train::Checkpoint;
use serde::{Deserialize, Serialize};

use crate::status;

/// A run to do, a line of the worker's standard input.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The run.
    pub(crate) run: PlannedRun,
    /// Where its files may be while it lasts.
    pub(crate) folder: PathBuf,
    /// The list of what to ask its features for.
    pub(crate) factors: Option<PathBuf>,
    /// Where its line comes from.
    pub(crate) origin: Origin,
}

/// What came of it, a line of the worker's standard output: the run's line, or why there is none.
pub(crate) type Reply = Result<Line, String>;

/// Does what standard input asks for, one run after the other, until it ends. If it ends during a run then nobody
/// waits for that run any more, and the process ends at once.
pub(crate) fn serve() -> leaf::Result<()> {
    let (sender, orders) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if sender.send(line).is_err() {
                return;
            }
        }
        std::process::exit(0);
    });
    let mut faces = None;
    for order in orders {
        let reply: Reply = reply(&order, &mut faces);
        let text = serde_json::to_string(&reply).map_err(|error| failed(error.into()))?;
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        written.map_err(failed)?;
    }
    Ok(())
}

fn failed(source: std::io::Error) -> leaf::Error {
    leaf::Error::File {
        path: "standard output".to_owned(),
        source,
    }
}

fn reply(order: &str, faces: &mut Option<Split>) -> Reply {
    let order: Order = serde_json::from_str(order).map_err(|error| error.to_string())?;
    train(&order, faces).map_err(|error| status::text(&error))
}

/// The faces of the last run: those of the next one if it has the same split.
struct Split {
    recipe: Recipe,
    faces: Prepared,
}

impl Split {
    fn serves(&self, recipe: &Recipe) -> bool {
        self.recipe.data == recipe.data && self.recipe.seed == recipe.seed
    }
}

fn train(order: &Order, split: &mut Option<Split>) -> leaf::Result<Line> {
    let Order {
        run,
        folder,
        factors,
        origin,
    } = order;
    let recipe = &run.recipe;
    let ready = match split.take().filter(|split| split.serves(recipe)) {
        Some(ready) => ready,
        None => Split {
            recipe: recipe.clone(),
            faces: recipe.prepare(|_| ())?,
        },
    };
    let faces = &split.insert(ready).faces;
    let outcome = recipe.train(faces, &Device::Cpu, folder, &mut [])?;
    let line = Line::of(run, &outcome, faces, &Device::Cpu, origin.clone())?;
    Ok(match factors {
        Some(factors) => line.with_kept(kept(&outcome.checkpoint, faces, factors)?),
        None => line,
    })
}

/// What the trained network's features keep.
fn kept(
    checkpoint: &Path,
    faces: &Prepared,
    factors: &Path,
) -> leaf::Result<BTreeMap<String, Kept>> {
    let checkpoint = Checkpoint::read(checkpoint)?;
    let network = ClassifierSpec::load(&checkpoint, &Device::Cpu)?.network;
    probe(&network, faces, &Factors::read(factors)?, &Device::Cpu)
}
