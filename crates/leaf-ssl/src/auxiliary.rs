//! Heads that some trainers need beside the classifier.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Linear, Mode, linear};

use crate::{Error, Result};

/// Which heads a trainer needs beside the classifier. Each reads what the semantic level gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Heads {
    /// The width of the projection that a contrastive rule compares faces in.
    pub projection: Option<usize>,
    /// Whether quarter turns are told apart.
    pub rotation: bool,
}

impl Heads {
    /// A projection of that width.
    pub fn projection(width: usize) -> Self {
        Self {
            projection: Some(width),
            rotation: false,
        }
    }

    /// A classifier of quarter turns.
    pub fn rotation() -> Self {
        Self {
            projection: None,
            rotation: true,
        }
    }
}

/// How many ways to turn a face by quarters there are.
const QUARTERS: usize = 4;

/// The heads themselves.
#[derive(Clone, Debug, Default)]
pub struct AuxiliaryHeads {
    projection: Option<Projection>,
    rotation: Option<Linear>,
}

/// `u = v / |v|`, `v = W_2 relu(W_1 x + b_1) + b_2`.
#[derive(Clone, Debug)]
struct Projection {
    hidden: Linear,
    output: Linear,
}

/// The heads for features of width `dim`, under `projection.*` and `rotation.*`.
///
/// # Errors
/// [`leaf_core::Error::Zero`] for a projection of width 0; those of the builder.
pub fn auxiliary_heads(heads: &Heads, dim: usize, vb: VarBuilder) -> Result<AuxiliaryHeads> {
    let projection = |width: usize| -> Result<Projection> {
        if width == 0 {
            return Err(leaf_core::Error::Zero {
                field: "projection",
            }
            .into());
        }
        let vb = vb.pp("projection");
        Ok(Projection {
            hidden: linear(dim, dim, vb.pp("fc1"))?,
            output: linear(dim, width, vb.pp("fc2"))?,
        })
    };
    let rotation = match heads.rotation {
        true => Some(linear(dim, QUARTERS, vb.pp("rotation"))?),
        false => None,
    };
    Ok(AuxiliaryHeads {
        projection: heads.projection.map(projection).transpose()?,
        rotation,
    })
}

impl AuxiliaryHeads {
    /// Features `(N, D)` to points of unit length `(N, P)`.
    ///
    /// # Errors
    /// [`Error::Missing`] without a projection.
    pub fn project(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        let projection = self.projection.as_ref().ok_or(Error::Missing {
            what: "projection head",
        })?;
        let hidden = projection.hidden.forward(&mode.view(features), mode)?;
        let output = projection.output.forward(&hidden.relu()?, mode)?;
        Ok(leaf_core::unit_length(&output)?)
    }

    /// Features `(N, D)` to the logits of four quarter turns `(N, 4)`.
    ///
    /// # Errors
    /// [`Error::Missing`] without a classifier of turns.
    pub fn rotation_logits(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        let rotation = self.rotation.as_ref().ok_or(Error::Missing {
            what: "rotation head",
        })?;
        Ok(rotation.forward(&mode.view(features), mode)?)
    }
}
