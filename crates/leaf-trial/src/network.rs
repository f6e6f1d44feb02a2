//! A network of one hidden layer.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Encoder, LeafConfig, Linear, Mode, NoiseSource, Parameters, leaf_head, linear};
use leaf_ssl::{Heads, Model, Result, auxiliary_heads};

use crate::faces::{CLASSES, SIDE};

/// The width of the features.
const WIDTH: usize = 16;

/// `relu(W x + b)` of flattened faces: no row sees another.
#[derive(Clone, Debug)]
pub struct Dense(Linear);

impl Encoder for Dense {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        let xs = mode.view(xs).flatten_from(1)?;
        Ok(self.0.forward(&xs, mode)?.relu()?)
    }

    fn feature_dim(&self) -> usize {
        WIDTH
    }
}

/// A network with LEAF's head and the heads that a trainer asks for.
///
/// # Errors
/// When the configuration breaks a rule.
pub fn network(
    parameters: &Parameters,
    leaf: &LeafConfig,
    heads: &Heads,
    noise: &NoiseSource,
) -> Result<Model<Dense>> {
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let encoder = Dense(linear(SIDE * SIDE, WIDTH, vb.pp("encoder"))?);
    let head = leaf_head(leaf, WIDTH, CLASSES, vb.pp("head"), noise)?;
    let auxiliary = auxiliary_heads(heads, WIDTH, vb.pp("auxiliary"))?;
    Ok(Model::new(encoder, head).with_auxiliary(auxiliary))
}
