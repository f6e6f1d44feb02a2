//! A small run: where it is, what it trains on, and what it leaves behind.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use candle_core::Device;
use leaf::recipe::{FaceSource, Preset, Recipe, Run, TrainerChoice};
use leaf_train::{Observer, StepReport, Stop};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A temporary folder with faces and runs.
pub(crate) struct Place(TempDir);

impl Place {
    /// Four classes with a few faces each.
    pub(crate) fn new() -> Outcome<Self> {
        let place = Self(tempfile::tempdir()?);
        for (class, name) in ["anger", "fear", "joy", "sadness"].into_iter().enumerate() {
            for (set, count) in [("train", 9), ("test", 4)] {
                let folder = place.faces().join(set).join(name);
                fs::create_dir_all(&folder)?;
                for i in 0..count {
                    face(&folder.join(format!("{set}-{i}.png")), class, i)?;
                }
            }
        }
        Ok(place)
    }

    pub(crate) fn faces(&self) -> PathBuf {
        self.path("faces")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn recipe(&self) -> Recipe {
        recipe(&self.faces())
    }

    /// Trains in a folder, from the start or from where it stands.
    pub(crate) fn train(
        &self,
        recipe: &Recipe,
        folder: &str,
        resumes: bool,
        observers: &mut [&mut dyn Observer],
    ) -> leaf::Result<leaf::recipe::Outcome> {
        self.train_until(recipe, folder, resumes, usize::MAX, observers)
    }

    /// The same, with a stop asked for in a step.
    pub(crate) fn train_until(
        &self,
        recipe: &Recipe,
        folder: &str,
        resumes: bool,
        step: usize,
        observers: &mut [&mut dyn Observer],
    ) -> leaf::Result<leaf::recipe::Outcome> {
        let faces = recipe.prepare(|_| {})?;
        let folder = self.path(folder);
        let stop = Stop::default();
        let run = Run::new(recipe, &faces, &Device::Cpu, &folder).with_stop(stop.clone());
        let run = if resumes { run.resuming() } else { run };
        let mut end = StopIn { step, stop };
        let mut all: Vec<&mut dyn Observer> = vec![&mut end];
        for observer in observers {
            all.push(&mut **observer);
        }
        run.train(&mut all)
    }
}

/// Asks for the end in a step.
struct StopIn {
    step: usize,
    stop: Stop,
}

impl Observer for StopIn {
    fn on_step(&mut self, report: &StepReport) -> leaf_train::Result<()> {
        if report.step == self.step {
            self.stop.request();
        }
        Ok(())
    }
}

/// A run of a few seconds at most whose state has every part: thresholds, alignment, moments, an average,
/// noise and a best step; what is shown, evaluated and saved falls into different steps.
pub(crate) fn recipe(faces: &Path) -> Recipe {
    let mut recipe = Recipe {
        seed: 5,
        ..Recipe::default()
    };
    recipe.data.source = FaceSource::Folder(faces.to_owned());
    recipe.data.images.size = 16;
    recipe.data.validation_per_class = 2;
    recipe.data.split.labels_per_class = 3;
    recipe.data.loader.batch_size = 4;
    recipe.data.loader.threads = Some(1);
    let trainer: TrainerChoice = "freematch".parse().expect("a trainer");
    recipe.trainer = trainer.with_leaf(Preset::Robust.config());
    recipe.train.steps = 30;
    recipe.train.learning_rate = 0.02;
    recipe.train.ema_decay = Some(0.9);
    recipe.train.eval_every = 7;
    recipe.train.log_every = 2;
    recipe.train.checkpoint_every = Some(3);
    recipe
}

fn face(path: &Path, class: usize, i: usize) -> Outcome {
    let pixels = image::GrayImage::from_fn(16, 16, |x, y| {
        let (x, y) = (x as usize, y as usize);
        let stripes = [x, y, x + y, 15 + x - y][class] / 3 % 2 * 120;
        image::Luma([(stripes + (x * 7 + y * 3 + i * 13) % 90) as u8])
    });
    Ok(pixels.save(path)?)
}

/// Everything that a run left behind, without times: file by file, in a form that can be compared.
pub(crate) fn left_behind(folder: &Path) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for place in ["", "checkpoints"] {
        for entry in fs::read_dir(folder.join(place))? {
            let path = entry?.path();
            if path.is_dir() {
                continue;
            }
            let name = path.strip_prefix(folder)?.display().to_string();
            // They hold times throughout, and a run that goes on begins another one.
            if name.contains("tfevents") {
                continue;
            }
            let bytes = fs::read(&path)?;
            let timeless = match path.extension().and_then(|ending| ending.to_str()) {
                Some("json") if place == "checkpoints" => timeless(&bytes)?,
                Some("jsonl") => {
                    let lines = bytes.split_inclusive(|&byte| byte == b'\n');
                    let lines: Vec<Vec<u8>> = lines.map(timeless).collect::<Outcome<_>>()?;
                    lines.join(&b'\n')
                }
                Some("csv") if name == "steps.csv" => timeless_rows(&String::from_utf8(bytes)?),
                _ => bytes,
            };
            files.insert(name, timeless);
        }
    }
    Ok(files)
}

/// What differs in steps of two equal runs.
const MEASURED: [&str; 5] = [
    "seconds",
    "wait_seconds",
    "images_per_second",
    "wait_share",
    "resident_memory",
];

/// Rows without the columns in which two equal runs differ.
fn timeless_rows(table: &str) -> Vec<u8> {
    let header: Vec<&str> = table.lines().next().unwrap_or("").split(',').collect();
    let rows = table.lines().map(|row| {
        let cells = row.split(',').zip(&header);
        let same = cells.filter(|(_, name)| !MEASURED.contains(name));
        same.map(|(cell, _)| cell).collect::<Vec<_>>().join(",")
    });
    rows.collect::<Vec<_>>().join("\n").into_bytes()
}

/// A JSON text without what two equal runs do not share: times, and lengths of lines with times in them.
fn timeless(json: &[u8]) -> Outcome<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(json)?;
    for key in MEASURED.into_iter().chain(["written"]) {
        if let Some(entry) = value.get_mut(key) {
            *entry = Value::Null;
        }
    }
    Ok(serde_json::to_vec(&value)?)
}

/// Fails unless two runs left the same behind, to the bit.
pub(crate) fn assert_same(found: &Path, expected: &Path) -> Outcome {
    let (found, expected) = (left_behind(found)?, left_behind(expected)?);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (name, bytes) in &found {
        let expected = &expected[name];
        if bytes != expected && !name.ends_with(".safetensors") {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(bytes), text(expected), "{name}");
        }
        assert!(bytes == expected, "{name} differs");
    }
    Ok(())
}
