//! Wide residual networks, as semi-supervised learning trains them.

mod block;
mod config;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};

use crate::batch_norm::{BatchNorm2d, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Result, check_images};
use crate::map_layer::MapLayer;
use crate::pass::{Activation, Pass};
use crate::resnet::BlockShape;
use block::WideBlock;
pub use config::WideResNetConfig;

/// A wide residual network, from images to features; the classifier is not part of it.
///
/// Source: S. Zagoruyko, N. Komodakis, "Wide residual networks", BMVC 2016; details and names as in
/// TorchSSL and USB, whose convolutions also have a bias ([`WideResNetConfig::bias`]). Two batch norms,
/// `block2.layer.0.bn1` and `block3.layer.0.bn1`, are there for the names alone: their code computes
/// and never reads them, so their gradient is 0; here their running statistics stay too.
#[derive(Clone, Debug)]
pub struct WideResNet {
    conv1: Conv2d,
    blocks: Vec<WideBlock>,
    bn1: BatchNorm2d,
    config: WideResNetConfig,
}

impl WideResNet {
    /// The configuration.
    pub fn config(&self) -> &WideResNetConfig {
        &self.config
    }
}

impl Encoder for WideResNet {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        check_images(xs, self.config.in_channels, self.config.min_size())?;
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let mut ys = pass.convolve(&xs, &self.conv1)?;
        drop(xs);
        for block in &self.blocks {
            ys = block.forward_map(&ys, &mut pass)?;
        }
        let activation = Activation::LeakyRelu(self.config.slope);
        ys = pass.normalize(&ys, &self.bn1, None, activation)?;
        Ok(pass.global_average(&ys)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }
}

/// A [`WideResNet`]. Paths are USB's: `conv1.weight`, `block1.layer.0.bn1.weight`,
/// `block1.layer.0.convShortcut.weight`, `bn1.weight` and so on; a classifier beside it would be `fc`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{WideResNetConfig, wide_resnet};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
/// let encoder = wide_resnet(&WideResNetConfig::wrn28_2(), vb)?;
/// let images = Tensor::zeros((2, 3, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&images, Mode::Eval)?.dims(), [2, 128]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn wide_resnet(config: &WideResNetConfig, vb: VarBuilder) -> Result<WideResNet> {
    config.check()?;
    let stem = Conv2dConfig {
        padding: 1,
        bias: config.bias,
        ..Default::default()
    };
    Ok(WideResNet {
        conv1: conv2d(config.in_channels, STEM, 3, &stem, vb.pp("conv1"))?,
        blocks: blocks(config, &vb)?,
        bn1: batch_norm2d(config.feature_dim(), &config.norm, vb.pp("bn1"))?,
        config: config.clone(),
    })
}

/// The channels of the first convolution.
const STEM: usize = 16;

/// The blocks of all stages in order.
fn blocks(config: &WideResNetConfig, vb: &VarBuilder) -> Result<Vec<WideBlock>> {
    let mut blocks = Vec::new();
    let mut in_channels = STEM;
    for (stage, out_channels) in config.widths().into_iter().enumerate() {
        let vb = vb.pp(format!("block{}", stage + 1)).pp("layer");
        for index in 0..config.blocks() {
            let shape = BlockShape {
                in_channels,
                out_channels,
                stride: if stage > 0 && index == 0 { 2 } else { 1 },
            };
            blocks.push(WideBlock::new(shape, stage == 0, config, vb.pp(index))?);
            in_channels = out_channels;
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests;
