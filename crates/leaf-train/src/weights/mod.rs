//! Weights of other programs, and of this one: named tensors in a file.

mod assign;
mod pickle;
mod refusal;
mod state_dict;
mod storage;
mod tensor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use safetensors::SafeTensors;

use crate::{Checkpoint, Error, Part, Result};
pub use assign::assign;
use refusal::Refusal;
use state_dict::StateDict;
use tensor::Tensors;

/// Named tensors of a file: what PyTorch or safetensors wrote, or a checkpoint of this library.
///
/// PyTorch's files are what `torch.save` makes of a state dict, or of a dictionary with one in it, in
/// its archives and in the form before version 1.6 (`.pth`, `.pth.tar`, `.pt`). They are pickles, which
/// can name any program; this reader runs none, it reads names, shapes and numbers.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_train::Weights;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("fc.safetensors");
/// let weight = Tensor::zeros((7, 512), candle_core::DType::F32, &Device::Cpu)?;
/// candle_core::safetensors::save(&[("module.fc.weight".to_owned(), weight)].into(), &path)?;
///
/// let weights = Weights::read(&path)?;
/// assert_eq!(weights.tensors()["fc.weight"].dims(), [7, 512]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Weights {
    path: PathBuf,
    nest: Option<String>,
    is_checkpoint: bool,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads a file. Of several state dicts the average of the weights is taken (`ema_state_dict`), else
    /// what was trained (`state_dict`); of a checkpoint of this library likewise. Where every name starts
    /// with `module.`, that is left out.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::NotACheckpoint`] with what is there and what was
    /// expected if it is damaged or something else.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Self::read_from(path.as_ref(), None)
    }

    /// As [`Weights::read`], but the state dict under a name, for instance `state_dict` where there is an
    /// average too.
    ///
    /// # Errors
    /// Those of [`Weights::read`], and [`Error::NotACheckpoint`] if nothing is under that name.
    pub fn read_nested(path: impl AsRef<Path>, nest: &str) -> Result<Self> {
        Self::read_from(path.as_ref(), Some(nest))
    }

    fn read_from(path: &Path, nest: Option<&str>) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::Io {
            action: "read",
            path: path.to_owned(),
            source,
        })?;
        let pickled = [storage::ARCHIVE, storage::STREAM];
        let (nest, tensors) = match pickled.iter().any(|start| bytes.starts_with(start)) {
            true => of_pytorch(&bytes, nest).map_err(|refusal| refusal.of(path))?,
            false => of_safetensors(&bytes, nest, path)?,
        };
        Ok(Self {
            path: path.to_owned(),
            nest,
            is_checkpoint: Checkpoint::is_one(&bytes),
            tensors: without_module(tensors),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Under which name the weights were in the file, if they were under one.
    pub fn nest(&self) -> Option<&str> {
        self.nest.as_deref()
    }

    /// Whether the file is a checkpoint of this library, which says more than its tensors.
    pub fn is_checkpoint(&self) -> bool {
        self.is_checkpoint
    }

    /// The tensors by name, on the processor.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }
}

type Nested = (Option<String>, BTreeMap<String, Tensor>);

fn of_pytorch(bytes: &[u8], nest: Option<&str>) -> refusal::Result<Nested> {
    let (pickle, storages) = match bytes.starts_with(storage::ARCHIVE) {
        true => storage::open_archive(bytes)?,
        false => storage::open_stream(bytes)?,
    };
    let dict = StateDict::find(&pickle, nest)?;
    let tensors = dict.tensors(&mut Tensors::new(storages, bytes.len()))?;
    Ok((dict.nest, tensors))
}

fn of_safetensors(bytes: &[u8], nest: Option<&str>, path: &Path) -> Result<Nested> {
    let damaged = |error: safetensors::SafeTensorError| {
        let found = format!("neither PyTorch's archive nor a whole safetensors file ({error})");
        let expected = "weights: .safetensors, .pth, .pth.tar or .pt";
        Refusal::new(found, expected).of(path)
    };
    SafeTensors::deserialize(bytes).map_err(damaged)?;
    if Checkpoint::is_one(bytes) {
        let checkpoint = Checkpoint::read(path)?;
        let nest = nest.unwrap_or(checkpoint.part_for_use().name());
        let part = [Part::Student, Part::Average]
            .into_iter()
            .find(|part| part.name() == nest);
        return match part.and_then(|part| checkpoint.tensors(part)) {
            Some(tensors) => Ok((Some(nest.to_owned()), tensors.clone())),
            None => Err(no_nest("a checkpoint", nest).of(path)),
        };
    }
    if let Some(nest) = nest {
        return Err(no_nest("a safetensors file", nest).of(path));
    }
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    Ok((None, tensors.into_iter().collect()))
}

fn no_nest(what: &str, nest: &str) -> Refusal {
    Refusal::new(
        format!("{what} without {nest:?}"),
        format!("weights under {nest:?}"),
    )
}

/// What PyTorch's parallel wrapper puts before every name.
fn without_module(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let stripped = tensors.iter().map(|(name, tensor)| {
        let name = name.strip_prefix("module.")?;
        Some((name.to_owned(), tensor.clone()))
    });
    stripped.collect::<Option<_>>().unwrap_or(tensors)
}
