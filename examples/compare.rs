//! What LEAF brings on some faces, over many seeds: a table and a page with plots.
//!
//! ```text
//! cargo run --release --example compare -- --quick
//! cargo run --release --example compare -- --algorithms fixmatch,flexmatch --variants all --seeds 0..16
//! ```

#[path = "common/comparison.rs"]
mod comparison;
#[path = "common/faces.rs"]
mod faces;
#[path = "common/jobs.rs"]
mod jobs;
#[path = "common/origin.rs"]
mod origin;
#[path = "common/say.rs"]
mod say;
#[path = "common/status.rs"]
mod status;
#[path = "common/worker.rs"]
mod worker;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use comparison::Arguments;
use jobs::Jobs;
use leaf::compare::{Folder, Plan, PlannedRun, page, results, table};
use leaf::probe::Factors;
use leaf::recipe::Recipe;
use say::say;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.worker {
        return status::of(worker::serve());
    }
    status::of(run(&arguments))
}

fn run(arguments: &Arguments) -> leaf::Result<()> {
    let plan = arguments.plan()?;
    plan.check_tunings()?;
    let (runs, left_out) = plan.runs();
    for left in &left_out {
        say(format!("left out: {left}"))?;
    }
    let (out, settings) = (arguments.out(), plan.settings()?);
    let mut folder = Folder::open(&out, &settings)?;
    if folder.torn() > 0 {
        let torn = folder.torn();
        say(format!(
            "cut off the {torn} bytes of a line that was not written whole"
        ))?;
    }
    let all = runs.len();
    let to_do: Vec<PlannedRun> = runs.into_iter().filter(|run| !folder.has(run)).collect();
    let (count, shown) = (to_do.len(), out.display());
    say(format!("{all} runs, {count} of them to do, in {shown}"))?;
    let origin = origin::of_this_process();
    let write = |folder: &Folder, missing: usize| {
        let rows = results(folder.lines());
        folder.write("table.md", &table(&rows))?;
        folder.write("compare.html", &page(&rows, &settings, &origin, missing))?;
        Ok(())
    };
    if count > 0 {
        check(&plan, &to_do, arguments.factors.as_deref())?;
        let jobs = Jobs::new(arguments.jobs(), &origin);
        jobs.with_factors(arguments.factors.as_deref())
            .run_all(to_do, &mut folder, &write)?;
    }
    folder.clear_work()?;
    write(&folder, 0)?;
    say(format!("\n{}", table(&results(folder.lines()))))?;
    say(format!("page: {}", out.join("compare.html").display()))
}

/// What can be wrong with the faces, their list of factors or a recipe, before the first run.
fn check(plan: &Plan, runs: &[PlannedRun], factors: Option<&Path>) -> leaf::Result<()> {
    let labels = |recipe: &Recipe| recipe.data.split.labels_per_class;
    let Some(most) = runs.iter().max_by_key(|run| labels(&run.recipe)) else {
        return Ok(());
    };
    let faces = faces::prepare(&most.recipe)?;
    let first = |run: &&PlannedRun| run.recipe.seed == plan.seeds.0.start;
    for run in runs.iter().filter(first) {
        run.recipe.check(&faces.task())?;
    }
    if let Some(path) = factors {
        let [training, test] = [faces.training(), &faces.tests()[0].1];
        Factors::read(path)?.check([training, test])?;
    }
    Ok(())
}
