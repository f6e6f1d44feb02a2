//! Residual networks.

mod block;
mod config;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};

use crate::batch_norm::{BatchNorm2d, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Result, check_images};
use crate::map_layer::MapLayer;
use crate::pass::{Activation, Map, Pass};
pub use block::{Block, BlockShape, ResidualBlock, residual_block};
pub use config::{ResNetConfig, Stem};

/// A residual network, from images to features; the classifier is not part of it.
///
/// Source: K. He et al., "Deep residual learning for image recognition", CVPR 2016, table 1;
/// torchvision's layout and names.
#[derive(Clone, Debug)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    blocks: Vec<ResidualBlock>,
    config: ResNetConfig,
}

impl ResNet {
    /// The configuration.
    pub fn config(&self) -> &ResNetConfig {
        &self.config
    }

    /// The map before the average: `(N, C, H, W)` to `(N, D, H', W')`.
    ///
    /// # Errors
    /// When the images have another number of channels or are smaller than
    /// [`ResNetConfig::min_size`].
    pub fn feature_map(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (mut pass, xs) = self.begin(xs, mode)?;
        let ys = self.layers(&xs, &mut pass)?;
        pass.finish(&ys)
    }

    fn begin(&self, xs: &Tensor, mode: Mode) -> Result<(Pass, Map)> {
        check_images(xs, self.config.in_channels, self.config.min_size())?;
        Pass::begin(xs, mode)
    }

    /// From images to the last map.
    fn layers(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let stem = (&self.conv1, &self.bn1);
        let mut ys = pass.convolve_normalize(xs, stem, None, Activation::Relu)?;
        if self.config.stem == Stem::Large {
            ys = pass.max_pool2d(&ys, 3, 2, 1)?;
        }
        for block in &self.blocks {
            ys = block.forward_map(&ys, pass)?;
        }
        Ok(ys)
    }
}

impl Encoder for ResNet {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        let (mut pass, xs) = self.begin(xs, mode)?;
        let ys = self.layers(&xs, &mut pass)?;
        drop(xs);
        Ok(pass.global_average(&ys)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }
}

/// A [`ResNet`]. Paths are torchvision's: `conv1.weight`, `bn1.weight`, `layer1.0.conv1.weight`,
/// `layer2.0.downsample.0.weight` and so on; a classifier beside it would be `fc`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{ResNetConfig, resnet};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let encoder = resnet(&ResNetConfig::narrow().with_in_channels(1), vb)?;
/// let faces = Tensor::zeros((4, 1, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&faces, Mode::Eval)?.dims(), [4, 64]);
/// assert!(parameters.all().contains_key("layer2.0.downsample.0.weight"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn resnet(config: &ResNetConfig, vb: VarBuilder) -> Result<ResNet> {
    config.check()?;
    let stem_width = config.widths[0];
    let (kernel, stem) = match config.stem {
        Stem::Large => (7, (2, 3)),
        Stem::Small => (3, (1, 1)),
    };
    let stem = Conv2dConfig {
        stride: stem.0,
        padding: stem.1,
        ..Default::default()
    };
    Ok(ResNet {
        conv1: conv2d(
            config.in_channels,
            stem_width,
            kernel,
            &stem,
            vb.pp("conv1"),
        )?,
        bn1: batch_norm2d(stem_width, &config.norm, vb.pp("bn1"))?,
        blocks: blocks(config, vb)?,
        config: config.clone(),
    })
}

/// The blocks of all stages in order; the first of a stage changes width and side.
fn blocks(config: &ResNetConfig, vb: VarBuilder) -> Result<Vec<ResidualBlock>> {
    let mut blocks = Vec::new();
    let mut in_channels = config.widths[0];
    for (stage, (width, count)) in config.widths.iter().zip(&config.blocks).enumerate() {
        let vb = vb.pp(format!("layer{}", stage + 1));
        let out_channels = width.saturating_mul(config.block.expansion());
        for index in 0..*count {
            let shape = BlockShape {
                in_channels,
                out_channels,
                stride: if stage > 0 && index == 0 { 2 } else { 1 },
            };
            let vb = vb.pp(index);
            blocks.push(residual_block(config.block, shape, &config.norm, vb)?);
            in_channels = out_channels;
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests;
