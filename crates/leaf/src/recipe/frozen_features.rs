//! What a frozen encoder makes of faces: made once, kept in a file, and standardized if it is features.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_data::{Augmentation, Entry, Faces, ViewFeatures};
use leaf_train::write_atomically;
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use super::frozen::FrozenEncoder;
use super::identity::list;
use super::{Backbone, FaceTop, Progress, Recipe};
use crate::{Error, Result};

/// Under which name a file says what its features are of.
const KEY: &str = "leaf-features";

/// The lists of a recipe's faces with the features of each.
#[derive(Debug)]
pub(super) struct FrozenFeatures {
    /// Of the training faces, those held out included.
    pub(super) training: Arc<ViewFeatures>,
    /// Of each test set, in their order.
    pub(super) tests: Vec<Arc<ViewFeatures>>,
}

/// A name and its faces.
pub(super) type NamedList = (String, Vec<Entry>);

impl FrozenFeatures {
    /// Reads them, or makes them and writes them if they are not there.
    pub(super) fn of(
        recipe: &Recipe,
        frozen: &FrozenEncoder,
        training: &[Entry],
        tests: &[NamedList],
        mut progress: impl FnMut(Progress),
    ) -> Result<Self> {
        let key = key(recipe, frozen, training, tests)?;
        let path = frozen.file(&format!("{:016x}", xxh3_64(key.as_bytes())));
        let lists =
            || std::iter::once(training).chain(tests.iter().map(|(_, list)| list.as_slice()));
        let all = match path.exists() {
            true => read(&path, &key, lists())?,
            false => {
                let all = make(recipe, frozen, lists(), &mut progress)?;
                write(&path, key, &all)?;
                all
            }
        };
        let mut all = all.into_iter();
        let training = all
            .next()
            .ok_or_else(|| broken(&path, &"tensors are missing"))?;
        if recipe.backbone == Backbone::FaceTop {
            // A trained block wants its maps as they are.
            return Ok(Self {
                training: Arc::new(training),
                tests: all.map(Arc::new).collect(),
            });
        }
        // A layer with usual initial values and learning rate wants numbers about 0.
        let standard = training.standard();
        let tests = all.map(|features| Arc::new(features.standardized(&standard)));
        Ok(Self {
            training: Arc::new(training.standardized(&standard)),
            tests: tests.collect(),
        })
    }
}

/// Everything that the features follow from; faces count by name and class.
fn key(
    recipe: &Recipe,
    frozen: &FrozenEncoder,
    training: &[Entry],
    tests: &[NamedList],
) -> Result<String> {
    let weights = std::fs::read(&frozen.weights).map_err(failed(&frozen.weights))?;
    let tests: Vec<Value> = tests
        .iter()
        .map(|(name, faces)| json!([name, list(faces)]))
        .collect();
    let mut key = json!({
        "weights": format!("{:016x}", xxh3_64(&weights)),
        "source": recipe.data.source,
        "images": recipe.data.images,
        "augment": recipe.data.loader.augment,
        "views": frozen.views,
        "training": list(training),
        "tests": tests,
    });
    if recipe.backbone == Backbone::FaceTop {
        key["below blocks"] = json!(FaceTop::BLOCKS);
    }
    Ok(key.to_string())
}

fn make<'a>(
    recipe: &Recipe,
    frozen: &FrozenEncoder,
    lists: impl Iterator<Item = &'a [Entry]>,
    progress: &mut impl FnMut(Progress),
) -> Result<Vec<ViewFeatures>> {
    let encoder = frozen.open(recipe.backbone)?;
    let augmentation = Augmentation::new(recipe.data.loader.augment.clone())?;
    // Views are the same for all seeds of a comparison, as they are made once.
    let random = Random::new(0).split("frozen views");
    let features = lists.zip(0..).map(|(entries, number)| {
        let faces = Faces::new(entries, &recipe.data.images)?.with_cache(0);
        let views = if number == 0 { frozen.views } else { 0 };
        let progress = |done, total| {
            progress(Progress {
                what: "encoding views",
                done,
                total,
            });
        };
        let random = random.split_index(number);
        ViewFeatures::make(
            &faces,
            &augmentation,
            views,
            &random,
            |xs| encoder.encode(xs),
            progress,
        )
    });
    features.collect()
}

const PARTS: [&str; 3] = ["plain", "weak", "strong"];

fn name(list: usize, part: &str) -> String {
    format!("{list}.{part}")
}

fn write(path: &Path, key: String, all: &[ViewFeatures]) -> Result<()> {
    let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
    for (number, features) in all.iter().enumerate() {
        let parts = PARTS.iter().zip(features.tensors()?);
        // What holds no number has no place in a file.
        let parts = parts.filter(|(_, tensor)| tensor.elem_count() > 0);
        tensors.extend(parts.map(|(part, tensor)| (name(number, part), tensor)));
    }
    let metadata = HashMap::from([(KEY.to_owned(), key)]);
    let bytes =
        safetensors::serialize(&tensors, Some(metadata)).map_err(|error| broken(path, &error))?;
    Ok(write_atomically(path, &bytes)?)
}

fn read<'a>(
    path: &Path,
    key: &str,
    lists: impl Iterator<Item = &'a [Entry]>,
) -> Result<Vec<ViewFeatures>> {
    let bytes = std::fs::read(path).map_err(failed(path))?;
    let (_, header) =
        safetensors::SafeTensors::read_metadata(&bytes).map_err(|error| broken(path, &error))?;
    let found = header
        .metadata()
        .as_ref()
        .and_then(|metadata| metadata.get(KEY));
    if found.is_none_or(|found| found != key) {
        return Err(broken(
            path,
            &"it holds other features; remove it to make them anew",
        ));
    }
    let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)
        .map_err(|error| broken(path, &error))?;
    let features = lists.enumerate().map(|(number, entries)| {
        let tensor = |part: &str| tensors.get(&name(number, part)).cloned();
        let plain = tensor(PARTS[0]).ok_or_else(|| broken(path, &"tensors are missing"))?;
        let (count, dim) = plain.dims2()?;
        let none = Tensor::zeros((count, 0, dim), plain.dtype(), &Device::Cpu)?;
        let [weak, strong] =
            [PARTS[1], PARTS[2]].map(|part| tensor(part).unwrap_or_else(|| none.clone()));
        let names = entries.iter().map(|entry| entry.name.clone());
        Ok(ViewFeatures::from_tensors(names, &plain, &weak, &strong)?)
    });
    features.collect()
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}

fn broken(path: &Path, what: &dyn std::fmt::Display) -> Error {
    failed(path)(std::io::Error::other(what.to_string()))
}
