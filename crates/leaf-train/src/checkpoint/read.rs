//! Reading a checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use leaf_core::Parameters;
use safetensors::SafeTensors;

use super::header::{ENTRY, Header};
use super::{ModelCard, Part};
use crate::weights::assign;
use crate::{Error, Result};

/// A checkpoint that was read whole and checked in itself.
///
/// ```
/// use candle_core::{DType, Device};
/// use leaf_core::{Parameters, linear};
/// use leaf_train::{Architecture, Checkpoint, ModelCard, Part, Preprocessing, save_checkpoint};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let trained = Parameters::new(0);
/// linear(3, 2, trained.builder(DType::F32, &Device::Cpu))?;
/// let card = ModelCard {
///     classes: vec!["happy".to_owned(), "sad".to_owned()],
///     preprocessing: Preprocessing { size: 32, channels: 1, mean: vec![0.5], std: vec![0.25] },
///     architecture: Architecture { name: "linear".to_owned(), config: 3.into() },
/// };
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("last.safetensors");
/// save_checkpoint(&path, &card, 700, &[(Part::Student, &trained)])?;
///
/// let network = Parameters::new(1);
/// linear(3, 2, network.builder(DType::F32, &Device::Cpu))?;
/// let checkpoint = Checkpoint::read(&path)?;
/// checkpoint.check_card(&card)?;
/// checkpoint.load_into(checkpoint.part_for_use(), &network)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    header: Header,
    parts: BTreeMap<Part, BTreeMap<String, Tensor>>,
}

impl Checkpoint {
    /// Reads a file that [`super::save_checkpoint`] wrote.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::NotACheckpoint`] if it is damaged, something
    /// else, or of another format, [`Error::Card`] if its card makes no sense.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let refuse = |found: String, expected: &str| Error::NotACheckpoint {
            path: path.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let damaged = |error: safetensors::SafeTensorError| {
            let found = format!("not a whole safetensors file ({error})");
            refuse(found, "a checkpoint")
        };
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let json = metadata.metadata().as_ref().and_then(|all| all.get(ENTRY));
        let Some(json) = json else {
            let found = format!("a safetensors file without metadata {ENTRY:?}");
            return Err(refuse(found, "a checkpoint of this library"));
        };
        let header = Header::from_json(json, path)?;
        header.card.check()?;
        SafeTensors::deserialize(&bytes).map_err(damaged)?;

        let mut parts: BTreeMap<Part, BTreeMap<String, Tensor>> = BTreeMap::new();
        for (stored, tensor) in candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)? {
            let Some((part, name)) = Part::split(&stored) else {
                let found = format!("a tensor {stored:?}");
                return Err(refuse(found, "names that start with student. or average."));
            };
            let tensors = parts.entry(part).or_default();
            tensors.insert(name.to_owned(), tensor);
        }
        Ok(Self {
            path: path.to_owned(),
            header,
            parts,
        })
    }

    /// Whether bytes are a checkpoint's, whole or not.
    pub(crate) fn is_one(bytes: &[u8]) -> bool {
        let metadata = SafeTensors::read_metadata(bytes).ok();
        metadata.is_some_and(|(_, metadata)| {
            let entries = metadata.metadata().as_ref();
            entries.is_some_and(|entries| entries.contains_key(ENTRY))
        })
    }

    /// What the weights are for.
    pub fn card(&self) -> &ModelCard {
        &self.header.card
    }

    /// How many steps were done when it was written.
    pub fn step(&self) -> usize {
        self.header.step
    }

    /// Whether those weights are in it.
    pub fn has(&self, part: Part) -> bool {
        self.parts.contains_key(&part)
    }

    /// The weights to predict with: the average if there is one, otherwise the student's.
    pub fn part_for_use(&self) -> Part {
        if self.has(Part::Average) {
            Part::Average
        } else {
            Part::Student
        }
    }

    /// Those weights by their paths in the network, on the processor; none if they are not in it.
    pub fn tensors(&self, part: Part) -> Option<&BTreeMap<String, Tensor>> {
        self.parts.get(&part)
    }

    /// Whether the weights are for the same classes in the same order, the same network and the
    /// same kind of images.
    ///
    /// # Errors
    /// [`Error::OtherModel`] naming the first field that differs, with both values.
    pub fn check_card(&self, expected: &ModelCard) -> Result<()> {
        let found = &self.header.card;
        let expected = expected.as_stored().map_err(|error| Error::Card {
            field: "architecture.config",
            found: error.to_string(),
            expected: "something that JSON can hold",
        })?;
        self.same("classes", &found.classes, &expected.classes)?;
        let (ours, theirs) = (&found.architecture, &expected.architecture);
        self.same("architecture.name", &ours.name, &theirs.name)?;
        self.same("architecture.config", &ours.config, &theirs.config)?;
        let (ours, theirs) = (&found.preprocessing, &expected.preprocessing);
        self.same("preprocessing.size", &ours.size, &theirs.size)?;
        self.same("preprocessing.channels", &ours.channels, &theirs.channels)?;
        self.same("preprocessing.mean", &ours.mean, &theirs.mean)?;
        self.same("preprocessing.std", &ours.std, &theirs.std)
    }

    fn same<T>(&self, field: &'static str, found: &T, expected: &T) -> Result<()>
    where
        T: PartialEq + serde::Serialize + std::fmt::Debug,
    {
        if found == expected {
            return Ok(());
        }
        let text =
            |value: &T| serde_json::to_string(value).unwrap_or_else(|_| format!("{value:?}"));
        Err(Error::OtherModel {
            path: self.path.clone(),
            field,
            found: text(found),
            expected: text(expected),
        })
    }

    /// Gives a network these weights, converted to its number type. Nothing is changed unless all
    /// names and shapes fit.
    ///
    /// # Errors
    /// [`Error::OtherTensors`] naming every tensor that is missing, unexpected or wrongly shaped.
    pub fn load_into(&self, part: Part, parameters: &Parameters) -> Result<()> {
        let none = BTreeMap::new();
        let tensors = self.parts.get(&part).unwrap_or(&none);
        assign(&parameters.all(), tensors, part.name(), &self.path)
    }
}
