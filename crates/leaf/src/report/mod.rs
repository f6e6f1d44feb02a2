//! A run's report: one page, `report.html`, that needs neither network nor other files.

mod answered;
mod chart;
mod course;
mod environment;
mod html;
mod page;
mod projection;
mod section;
#[cfg(test)]
mod tests;
mod thumbnail;

use std::path::{Path, PathBuf};

use candle_core::Device;
use leaf_core::{CategoryDecoupling, DecouplingConfig};
use leaf_data::Faces;
use leaf_train::{Answers, EvaluationReport, Observer, RunStart, RunSummary, write_atomically};

use crate::recipe::{Prepared, Recipe};
use crate::{Error, Result};
use answered::Answered;
use course::Course;
use page::Page;

/// The page's file in the run's folder.
const FILE: &str = "report.html";

/// Writes a run's `report.html` at every evaluation and at the end, each time whole.
///
/// The page shows curves, the confusion of the classes, each class's recall and thresholds over time, what
/// the gates do, the most ambiguous test faces with their positive sets, the most confident mistakes, the
/// features in the plane, and what is needed to have the run again. Numbers come from the folder's
/// `metrics.jsonl`, so that a resumed run's report begins at its first step.
///
/// ```no_run
/// use std::path::Path;
///
/// use candle_core::Device;
/// use leaf::recipe::Recipe;
/// use leaf::report::Report;
///
/// let (recipe, device) = (Recipe::default(), Device::Cpu);
/// let faces = recipe.prepare(|_| ())?;
/// let folder = Path::new("runs/mine");
/// let mut report = Report::new(&recipe, &faces, &device, folder)?;
/// recipe.train(&faces, &device, folder, &mut [&mut report])?;
/// # Ok::<(), leaf::Error>(())
/// ```
#[derive(Debug)]
pub struct Report<'a> {
    folder: PathBuf,
    classes: &'a [String],
    test: &'a str,
    faces: &'a Faces,
    sets: CategoryDecoupling,
    sets_rule: String,
    data: Vec<(&'static str, String)>,
    environment: Vec<(&'static str, String)>,
    toml: String,
    seed: u64,
    start: Option<RunStart>,
    answered: Answered,
}

impl<'a> Report<'a> {
    /// Of a run that [`Recipe::train`] is about to begin with the same faces, device and folder.
    ///
    /// # Errors
    /// [`Error::RecipeForm`] if the recipe cannot be written down, [`Error::NoTestFaces`] without a test
    /// set.
    pub fn new(
        recipe: &Recipe,
        faces: &'a Prepared,
        device: &Device,
        folder: &Path,
    ) -> Result<Self> {
        let (test, test_faces) = faces.tests().first().ok_or_else(|| Error::NoTestFaces {
            data: recipe.data.source.to_string(),
        })?;
        let classes = faces.classes();
        let (config, sets_rule) = sets_of(recipe, classes.len());
        Ok(Self {
            folder: folder.to_owned(),
            classes,
            test,
            faces: test_faces,
            sets: CategoryDecoupling::new(config, classes.len())?,
            sets_rule,
            data: data(recipe, faces),
            environment: environment::environment(device),
            toml: recipe.to_toml()?,
            seed: recipe.seed,
            start: None,
            answered: Answered::of(test_faces.len()),
        })
    }

    fn write(&self, state: String) -> Result<()> {
        let course = Course::read(&self.folder.join("metrics.jsonl"))?;
        let page = Page {
            title: self.title(),
            state,
            classes: self.classes,
            test: self.test,
            faces: self.faces,
            course: &course,
            answered: &self.answered,
            sets_rule: self.sets_rule.clone(),
            data: self.data.clone(),
            environment: self.environment.clone(),
            commands: self.commands(),
            toml: self.toml.clone(),
        };
        Ok(write_atomically(
            &self.folder.join(FILE),
            page.html()?.as_bytes(),
        )?)
    }

    fn title(&self) -> String {
        let algorithm = self.start.as_ref().map(|start| start.algorithm.as_str());
        let (algorithm, seed) = (algorithm.unwrap_or("run"), self.seed);
        format!("{algorithm}, seed {seed}")
    }

    fn commands(&self) -> Vec<(&'static str, String)> {
        let quoted = |path: &Path| environment::quoted(&path.display().to_string());
        let (folder, recipe) = (
            quoted(&self.folder),
            quoted(&self.folder.join("recipe.toml")),
        );
        vec![
            ("This run:", environment::command_line()),
            (
                "The same run again, from its recipe:",
                format!(
                    "cargo run --release --example train -- --config {recipe} --out runs/again"
                ),
            ),
            (
                "Its curves in TensorBoard:",
                format!("tensorboard --logdir {folder}"),
            ),
        ]
    }
}

impl Observer for Report<'_> {
    fn on_start(&mut self, start: &RunStart) -> leaf_train::Result<()> {
        self.start = Some(start.clone());
        Ok(())
    }

    fn on_answers(&mut self, answers: &Answers) -> leaf_train::Result<()> {
        if answers.set != self.test {
            return Ok(());
        }
        if answers.before == 0 {
            self.answered = Answered::of(self.faces.len());
        }
        self.answered.add(answers, &self.sets).map_err(observed)
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> leaf_train::Result<()> {
        let total = self.start.as_ref().map_or(report.step, |start| start.total);
        let state = format!("after {} of {total} steps", report.step);
        self.write(state).map_err(observed)
    }

    fn on_end(&mut self, summary: &RunSummary) -> leaf_train::Result<()> {
        let (steps, minutes) = (summary.steps, summary.seconds / 60.);
        let mut state = format!("finished: {steps} steps in {minutes:.1} minutes");
        if let Some(best) = &summary.best {
            state.push_str(&format!(", best by {} after {}", best.set, best.step));
        }
        self.write(state).map_err(observed)
    }
}

/// An error of the report's as the run shows it.
fn observed(error: Error) -> leaf_train::Error {
    match error {
        Error::Train(error) => error,
        other => leaf_train::Error::Observer(Box::new(other)),
    }
}

/// How positive sets are drawn, and how that is said: as in training, or as LEAF's default would.
fn sets_of(recipe: &Recipe, classes: usize) -> (DecouplingConfig, String) {
    let own = recipe.trainer.leaf().category.as_ref();
    let mut config = own.map_or_else(DecouplingConfig::default, |own| own.decoupling.clone());
    if own.is_none() {
        config.max_positives = config.max_positives.min(classes.saturating_sub(1)).max(1);
    }
    let DecouplingConfig {
        max_positives,
        threshold,
        teacher_temperature,
        ..
    } = &config;
    let whose = match own {
        Some(_) => "Sets are drawn as in training, without aligning the predictions",
        None => "The run has no category level; sets are drawn as LEAF's default would",
    };
    let rule = format!(
        "{whose}: at most {max_positives} classes, up to a cumulated probability of {threshold} at \
         temperature {teacher_temperature}."
    );
    (config, rule)
}

fn data(recipe: &Recipe, faces: &Prepared) -> Vec<(&'static str, String)> {
    let split = faces.split();
    let tests = faces.tests().iter();
    let tests: Vec<String> = tests
        .map(|(name, faces)| format!("{name}: {}", faces.len()))
        .collect();
    let size = recipe.data.images.size;
    let mut facts = vec![
        ("source", recipe.data.source.to_string()),
        ("classes", faces.classes().join(", ")),
        ("images", format!("{size} x {size} pixels")),
        ("training faces", faces.training().len().to_string()),
        ("with a label", split.labeled().len().to_string()),
        ("used without a label", split.unlabeled().len().to_string()),
        ("evaluated faces", tests.join(", ")),
        ("split hash", split.hash()),
        ("network", recipe.backbone.to_string()),
        ("seed", recipe.seed.to_string()),
    ];
    if let Some(validation) = faces.validation() {
        facts.push((
            "held out to choose the best step",
            validation.len().to_string(),
        ));
    }
    facts
}
