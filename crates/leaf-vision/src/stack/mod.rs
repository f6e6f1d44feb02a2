//! Networks of one's own: layers one after the other.

use std::sync::Arc;

use candle_core::Tensor;
use leaf_core::{Encoder, Mode};

use crate::error::{Result, check_images, positive};
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Map, Pass};

/// Layers one after the other, ended by the mean over each map: an encoder of one's own.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candle_nn::VarBuilder;
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{
///     MaxPool2d, Residual, Result, Stack, conv_norm, squeeze_excite,
/// };
///
/// /// A small network for gray faces, with features of width 32.
/// fn own_network(vb: VarBuilder) -> Result<Stack> {
///     let mut inner = Stack::new(32)?;
///     inner.push(conv_norm(32, 32, 3, 1, vb.pp("c1"))?)?;
///     inner.push(conv_norm(32, 32, 3, 1, vb.pp("c2"))?)?;
///     inner.push(squeeze_excite(32, 8, vb.pp("se"))?)?;
///     let mut network = Stack::new(1)?;
///     network.push(conv_norm(1, 16, 3, 1, vb.pp("stem"))?)?;
///     network.push(MaxPool2d { kernel: 3, stride: 2, padding: 1 })?;
///     network.push(conv_norm(16, 32, 3, 2, vb.pp("down"))?)?;
///     network.push(Residual(inner))?;
///     Ok(network)
/// }
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let network = own_network(parameters.builder(DType::F32, &Device::Cpu))?;
/// let faces = Tensor::ones((4, 1, 32, 32), DType::F32, &Device::Cpu)?;
/// let features = network.encode(&faces, Mode::Train)?;
/// assert_eq!(features.dims(), [4, 32]);
/// let gradients = features.sqr()?.sum_all()?.backward()?;
/// assert!(parameters.trainable().values().all(|var| gradients.get(var).is_some()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stack {
    layers: Vec<Arc<dyn MapLayer>>,
    in_channels: usize,
    out_channels: usize,
}

impl Stack {
    /// No layers yet, for maps of that many channels.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(in_channels: usize) -> Result<Self> {
        positive("in_channels", in_channels)?;
        Ok(Self {
            layers: Vec::new(),
            in_channels,
            out_channels: in_channels,
        })
    }

    /// A layer behind those that are there.
    ///
    /// # Errors
    /// When it does not take as many channels as they give.
    pub fn push(&mut self, layer: impl MapLayer + 'static) -> Result<&mut Self> {
        self.out_channels = layer.out_channels(self.out_channels)?;
        self.layers.push(Arc::new(layer));
        Ok(self)
    }

    /// How many layers there are.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl MapLayer for Stack {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let mut ys = xs.clone();
        for layer in &self.layers {
            ys = layer.forward_map(&ys, pass)?;
        }
        Ok(ys)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.in_channels)?;
        Ok(self.out_channels)
    }
}

impl Encoder for Stack {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        check_images(xs, self.in_channels, 1)?;
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let ys = self.forward_map(&xs, &mut pass)?;
        drop(xs);
        Ok(pass.global_average(&ys)?)
    }

    fn feature_dim(&self) -> usize {
        self.out_channels
    }
}

#[cfg(test)]
mod tests;
