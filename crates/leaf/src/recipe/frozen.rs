//! Training on the features of a frozen encoder.

use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use leaf_core::{Encoder, Mode, Parameters};
use leaf_train::{Weights, assign};
use leaf_vision::{FaceEncoder, FaceEncoderConfig, FaceFeatures, face_encoder};
use serde::{Deserialize, Serialize};

use super::{Backbone, Recipe};
use crate::Result;

/// dlib's face encoder, which knows people but was never told of expressions, with weights that training leaves as
/// they are.
///
/// Its features of every face, and of some views of each, are made once and kept in a file beside the weights;
/// each feature is used less its mean over the training faces, and over its deviation.
/// Runs then train a layer and LEAF's head on them ([`Backbone::FaceFeatures`]): a step costs a hundredth of one
/// with images, so that many seeds can be had. Such a run measures heads and training rules, not encoders, and
/// its checkpoint labels features, not images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenEncoder {
    /// The weights: what the example `convert_face_encoder` writes.
    pub weights: PathBuf,
    /// How many weak views, and how many strong ones, of each training face there are to draw from.
    #[serde(default = "usual_views")]
    pub views: usize,
}

fn usual_views() -> usize {
    FrozenEncoder::VIEWS
}

/// More would not fit in memory.
const MOST_VIEWS: usize = 1000;

impl FrozenEncoder {
    /// How many views there are unless something else is asked for.
    pub const VIEWS: usize = 5;

    /// With these weights.
    pub fn new(weights: impl Into<PathBuf>) -> Self {
        Self {
            weights: weights.into(),
            views: Self::VIEWS,
        }
    }

    /// The encoder `(N, 3, H, W)` to `(N, 256)`.
    pub(super) fn open(&self) -> Result<OpenEncoder> {
        let parameters = Parameters::new(0);
        let config = FaceEncoderConfig::default().with_features(FaceFeatures::Pooled);
        let encoder = face_encoder(&config, parameters.builder(DType::F32, &Device::Cpu))?;
        let weights = Weights::read(&self.weights)?;
        let mut tensors = weights.tensors().clone();
        // The layer from features to descriptors.
        tensors.retain(|name, _| !name.starts_with("fc."));
        assign(&parameters.all(), &tensors, "face encoder", weights.path())?;
        Ok(OpenEncoder(encoder))
    }

    /// Where its features under a key are kept.
    pub(super) fn file(&self, hash: &str) -> PathBuf {
        let stem = self.weights.file_stem().unwrap_or_default();
        let name = format!("{}.features-{hash}.safetensors", Path::new(stem).display());
        self.weights.with_file_name(name)
    }
}

/// A frozen encoder with its weights.
pub(super) struct OpenEncoder(FaceEncoder);

impl OpenEncoder {
    pub(super) fn encode(&self, images: &Tensor) -> Result<Tensor> {
        Ok(self.0.encode(images, Mode::Eval)?)
    }
}

impl Recipe {
    /// Whether a frozen encoder and a layer on its features come together.
    pub(super) fn check_frozen(&self) -> Result<()> {
        let conflict = |given, expected| leaf_train::Error::Conflict { given, expected };
        let on_features = self.backbone == Backbone::FaceFeatures;
        match &self.frozen {
            None if on_features => Err(conflict(
                "backbone face_features without frozen",
                "frozen.weights: the encoder that makes the features",
            )
            .into()),
            Some(_) if !on_features => {
                Err(conflict("frozen with a backbone of images", "backbone face_features").into())
            }
            Some(frozen) if !(1..=MOST_VIEWS).contains(&frozen.views) => {
                Err(leaf_data::Error::OutOfRange {
                    field: "frozen.views",
                    value: frozen.views as f64,
                    expected: "1 to 1000",
                }
                .into())
            }
            _ => Ok(()),
        }
    }
}
