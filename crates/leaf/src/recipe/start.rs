//! Which weights a run starts from.

use std::path::Path;

use candle_core::Device;
use leaf_train::{Checkpoint, Learner, ModelCard, Weights};

use super::model::noise;
use super::{Backbone, Classifier, Prepared, Recipe};
use crate::Result;
use crate::weights::{load_all, load_encoder};

impl Recipe {
    /// What the file of [`Recipe::pretrained`] gives the encoder, in a line; none without such a file.
    ///
    /// # Errors
    /// When its weights do not fit, all of them named.
    pub fn describe_pretrained(&self, faces: &Prepared) -> Result<Option<String>> {
        let Some(path) = &self.pretrained else {
            return Ok(None);
        };
        let spec = self.classifier(faces);
        let network = spec.build(self.seed, &noise(self.seed), &Device::Cpu)?;
        let taken = load_encoder(&Weights::read(path)?, &network.parameters)?;
        Ok(Some(format!("encoder from {}: {taken}", path.display())))
    }

    /// Whether these are weights to start from, however their path is written.
    pub(super) fn starts_from(&self, weights: &Path) -> bool {
        let weights = weights.canonicalize().ok();
        let mut given = self.init.iter().chain(&self.pretrained);
        weights.is_some() && given.any(|path| path.canonicalize().ok() == weights)
    }

    /// Gives a network the weights that the recipe names.
    pub(super) fn start(&self, student: &Learner<Classifier>, card: &ModelCard) -> Result<()> {
        if self.init.is_some() && self.pretrained.is_some() {
            return Err(leaf_train::Error::Conflict {
                given: "init and pretrained",
                expected: "one of them",
            }
            .into());
        }
        if let (Some(frozen), Backbone::FaceTop) = (&self.frozen, self.backbone) {
            frozen.start_top(&student.parameters)?;
        }
        if let Some(path) = &self.init {
            start_from(path, card, student)?;
        }
        if let Some(path) = &self.pretrained {
            load_encoder(&Weights::read(path)?, &student.parameters)?;
        }
        Ok(())
    }
}

fn start_from(path: &Path, card: &ModelCard, student: &Learner<Classifier>) -> Result<()> {
    let weights = Weights::read(path)?;
    if !weights.is_checkpoint() {
        return load_all(&weights, &student.parameters).map(drop);
    }
    let checkpoint = Checkpoint::read(path)?;
    checkpoint.check_card(card)?;
    checkpoint.load_into(checkpoint.part_for_use(), &student.parameters)?;
    Ok(())
}
