//! The residual blocks.

use candle_nn::VarBuilder;

use crate::batch_norm::{BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2dConfig, conv2d};
use crate::error::Result;
use crate::layers::ConvNorm;
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Activation, Map, Pass};

/// Of which blocks a network is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Block {
    /// Two 3x3 convolutions.
    #[default]
    Basic,
    /// A 1x1 convolution, a 3x3 one, which has the stride, and a 1x1 one to 4 times the channels.
    Bottleneck,
}

impl Block {
    /// How many times the stage's width a block gives.
    pub fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// What one block does to channels and side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockShape {
    /// The channels before it.
    pub in_channels: usize,
    /// The channels after it.
    pub out_channels: usize,
    /// By how much the side shrinks.
    pub stride: usize,
}

/// `relu(layers(x) + shortcut(x))`; the shortcut is x itself, or a 1x1 convolution and batch norm
/// where the shape changes.
///
/// Source: K. He et al., "Deep residual learning for image recognition", CVPR 2016, figure 5; the
/// stride of a bottleneck as in torchvision.
#[derive(Clone, Debug)]
pub struct ResidualBlock {
    /// All have a rectifier, the last one behind the sum.
    layers: Vec<ConvNorm>,
    downsample: Option<ConvNorm>,
    shape: BlockShape,
}

impl MapLayer for ResidualBlock {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let shortcut = match &self.downsample {
            Some(layer) => layer.forward_map(xs, pass)?,
            None => xs.clone(),
        };
        let mut ys = xs.clone();
        for (place, layer) in self.layers.iter().enumerate() {
            let last = place + 1 == self.layers.len();
            ys = layer.forward_with(&ys, last.then_some(&shortcut), pass)?;
        }
        Ok(ys)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.shape.in_channels)?;
        Ok(self.shape.out_channels)
    }
}

/// A [`ResidualBlock`]. Paths: `conv1`, `bn1`, `conv2`, `bn2`, in a bottleneck `conv3` and `bn3`, and
/// `downsample.0`, `downsample.1` if needed.
///
/// # Errors
/// When a size is 0 or the builder's tensors do not fit.
pub fn residual_block(
    block: Block,
    shape: BlockShape,
    norm: &BatchNormConfig,
    vb: VarBuilder,
) -> Result<ResidualBlock> {
    let BlockShape {
        in_channels,
        out_channels,
        stride,
    } = shape;
    let layer = |place: usize, channels: (usize, usize), kernel, stride| {
        let paths = (vb.pp(format!("conv{place}")), vb.pp(format!("bn{place}")));
        conv_bn(channels, (kernel, stride), norm, paths)
    };
    let inner = out_channels / block.expansion();
    let layers = match block {
        Block::Basic => vec![
            layer(1, (in_channels, inner), 3, stride)?,
            layer(2, (inner, out_channels), 3, 1)?,
        ],
        Block::Bottleneck => vec![
            layer(1, (in_channels, inner), 1, 1)?,
            layer(2, (inner, inner), 3, stride)?,
            layer(3, (inner, out_channels), 1, 1)?,
        ],
    };
    let downsample = match stride != 1 || in_channels != out_channels {
        true => {
            let paths = (vb.pp("downsample").pp(0), vb.pp("downsample").pp(1));
            let layer = conv_bn((in_channels, out_channels), (1, stride), norm, paths)?;
            Some(layer.with_activation(Activation::Identity))
        }
        false => None,
    };
    Ok(ResidualBlock {
        layers,
        downsample,
        shape,
    })
}

/// A convolution that covers its pixel evenly, batch norm and a rectifier.
fn conv_bn(
    (in_channels, out_channels): (usize, usize),
    (kernel, stride): (usize, usize),
    norm: &BatchNormConfig,
    (conv, bn): (VarBuilder, VarBuilder),
) -> Result<ConvNorm> {
    let config = Conv2dConfig {
        stride,
        padding: kernel / 2,
        ..Default::default()
    };
    Ok(ConvNorm::new(
        conv2d(in_channels, out_channels, kernel, &config, conv)?,
        batch_norm2d(out_channels, norm, bn)?,
        Activation::Relu,
    ))
}
