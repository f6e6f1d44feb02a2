//! A trained checkpoint's weights for PyTorch.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use clap::Args;
use leaf::core::Random;
use leaf::predict::Predictor;
use leaf::recipe::Summary;
use leaf::train::{Checkpoint, ModelCard};
use leaf::weights::{Layout, export};

use crate::say::say;

/// Writes a checkpoint's weights, the average's if they are there, as a safetensors file under the names of a
/// PyTorch program.
#[derive(Args, Debug)]
#[command(after_long_help = ABOUT)]
pub(crate) struct Export {
    /// A checkpoint, or a run's folder, whose last one is taken.
    checkpoint: PathBuf,
    /// Whose names: own (encoder.*, head.*: every network), torchvision (its ResNets: trained with --leaf none) or
    /// released (the LEAF authors' network: trained with --leaf released).
    #[arg(long, value_name = "NAME", default_value = "own")]
    layout: Layout,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Another file, with a few random images and the logits that the network gives for them, to check
    /// one's module against.
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
}

const ABOUT: &str = "\
In PyTorch:

  from safetensors.torch import load_file
  network = torchvision.models.resnet18(num_classes=7)
  network.load_state_dict(load_file(\"resnet18.safetensors\"))

The file's metadata has the entry \"card\": classes, preprocessing and architecture as JSON.
A network that the layout cannot hold ends it with an error and the status 2.";

/// Images of a sample.
const SAMPLE: usize = 4;

impl Export {
    /// Reads, renames and writes.
    ///
    /// # Errors
    /// When the network does not fit the layout or a file cannot be read or written.
    pub(crate) fn run(&self) -> leaf::Result<()> {
        let files = [&self.out].into_iter().chain(&self.sample);
        for path in files {
            Summary::check_path(path)?;
        }
        let predictor = Predictor::open(&self.checkpoint, &Device::Cpu)?;
        let checkpoint = Checkpoint::read(predictor.path())?;
        let tensors = export(&checkpoint, self.layout)?;
        let count = tensors.len();
        write(&self.out, tensors, predictor.card())?;
        if let Some(path) = &self.sample {
            write(path, sample(&predictor)?, predictor.card())?;
        }
        say(format!(
            "{}: {count} tensors under the names of layout {} written to {}",
            predictor.path().display(),
            self.layout,
            self.out.display()
        ))
    }
}

/// Random images and what the network gives for them.
fn sample(predictor: &Predictor) -> leaf::Result<BTreeMap<String, Tensor>> {
    let images = &predictor.card().preprocessing;
    let shape = (SAMPLE, images.channels, images.size, images.size);
    let images = Random::new(0).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?;
    let logits = predictor.predict(&images)?.logits;
    Ok([("images".to_owned(), images), ("logits".to_owned(), logits)].into())
}

fn write(path: &Path, tensors: BTreeMap<String, Tensor>, card: &ModelCard) -> leaf::Result<()> {
    let unwritable = |source: std::io::Error| leaf::Error::File {
        path: path.display().to_string(),
        source,
    };
    let card = serde_json::to_string(card).map_err(|error| unwritable(error.into()))?;
    let metadata = [("format", "pt".to_owned()), ("card", card)];
    let metadata: HashMap<String, String> = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| unwritable(std::io::Error::other(error.to_string())))?;
    Ok(leaf::train::write_atomically(path, &bytes)?)
}
