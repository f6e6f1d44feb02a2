//! Training on what a frozen encoder makes of faces.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use leaf_core::{Encoder, Mode, Parameters};
use leaf_train::{Weights, assign};
use leaf_vision::{FaceEncoder, FaceEncoderConfig, FaceFeatures, face_encoder};
use serde::{Deserialize, Serialize};

use super::{Backbone, FaceTop, Recipe};
use crate::Result;

/// dlib's face encoder, which knows people but was never told of expressions, with weights that training leaves as
/// they are.
///
/// What it makes of every face, and of some views of each, is made once and kept in a file beside the weights, so
/// that a step costs a small part of one with images and many seeds can be had. The backbone says what that is:
///
/// - [`Backbone::FaceFeatures`]: its 256 features, each less its mean over the training faces and over its
///   deviation. A layer and LEAF's head are trained on them. Such a run measures heads and training rules, not
///   encoders.
/// - [`Backbone::FaceTop`]: the map below its last block, which is trained further, from the weights that it has,
///   with LEAF's head behind it: a pretrained encoder fine-tuned in part. With images of 150 pixels and five views
///   of each kind a training face takes 180 kB of memory.
///
/// A checkpoint of such a run labels features or maps, not images.
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
    pub(super) fn open(&self, backbone: Backbone) -> Result<OpenEncoder> {
        let parameters = Parameters::new(0);
        let config = FaceEncoderConfig::default().with_features(FaceFeatures::Pooled);
        let encoder = face_encoder(&config, parameters.builder(DType::F32, &Device::Cpu))?;
        let weights = Weights::read(&self.weights)?;
        let mut tensors = weights.tensors().clone();
        // The layer from features to descriptors.
        tensors.retain(|name, _| !name.starts_with("fc."));
        assign(&parameters.all(), &tensors, "face encoder", weights.path())?;
        Ok(OpenEncoder { encoder, backbone })
    }

    /// Gives [`Backbone::FaceTop`] the weights of the encoder's last block.
    pub(super) fn start_top(&self, parameters: &Parameters) -> Result<()> {
        let mut vars = parameters.all();
        vars.retain(|name, _| name.starts_with("encoder."));
        let weights = Weights::read(&self.weights)?;
        let own = |(name, tensor): (&String, &Tensor)| (format!("encoder.{name}"), tensor.clone());
        let mut tensors: BTreeMap<String, Tensor> = weights.tensors().iter().map(own).collect();
        tensors.retain(|name, _| vars.contains_key(name));
        Ok(assign(
            &vars,
            &tensors,
            "face encoder's last block",
            weights.path(),
        )?)
    }

    /// Where its features under a key are kept.
    pub(super) fn file(&self, hash: &str) -> PathBuf {
        let stem = self.weights.file_stem().unwrap_or_default();
        let name = format!("{}.features-{hash}.safetensors", Path::new(stem).display());
        self.weights.with_file_name(name)
    }
}

/// A frozen encoder with its weights.
pub(super) struct OpenEncoder {
    encoder: FaceEncoder,
    backbone: Backbone,
}

impl OpenEncoder {
    /// What the backbone is given, `(N, D)`.
    pub(super) fn encode(&self, images: &Tensor) -> Result<Tensor> {
        Ok(match self.backbone {
            Backbone::FaceTop => {
                let map = self
                    .encoder
                    .map_below(FaceTop::BLOCKS, images, Mode::Eval)?;
                map.flatten_from(1)?
            }
            _ => self.encoder.encode(images, Mode::Eval)?,
        })
    }
}

impl Recipe {
    /// Whether a frozen encoder and a backbone on what it makes come together.
    pub(super) fn check_frozen(&self) -> Result<()> {
        let conflict = |given, expected| leaf_train::Error::Conflict { given, expected };
        let on_frozen = self.backbone.is_on_frozen();
        match &self.frozen {
            None if on_frozen => Err(conflict(
                "backbone face_features or face_top without frozen",
                "frozen.weights: the encoder that makes what they train on",
            )
            .into()),
            Some(_) if !on_frozen => Err(conflict(
                "frozen with a backbone of images",
                "backbone face_features or face_top",
            )
            .into()),
            Some(_) if self.backbone == Backbone::FaceTop && self.pretrained.is_some() => {
                Err(conflict(
                    "pretrained with backbone face_top",
                    "pretrained off: the block starts from frozen.weights, which its maps are of",
                )
                .into())
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
