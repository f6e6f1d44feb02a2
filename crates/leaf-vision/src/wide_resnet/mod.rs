//! Wide residual networks.

mod block;
mod config;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};

use crate::batch_norm::{BatchNorm2d, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Error, Result, dims4};
use crate::map_layer::MapLayer;
use crate::pass::{Activation, Pass};
use block::PreActivationBlock;
pub use config::WideResNetConfig;

/// The slope below 0 of every rectifier.
const SLOPE: Activation = Activation::LeakyRelu(0.1);

/// A wide residual network, from images to features; the classifier is not part of it.
///
/// Batch norm and rectifier come before each convolution. Source: S. Zagoruyko, N. Komodakis, "Wide
/// residual networks", BMVC 2016; layout, names and settings of USB (`semilearn.nets.wrn`), which is what
/// semi-supervised trainers are compared on.
#[derive(Clone, Debug)]
pub struct WideResNet {
    conv1: Conv2d,
    blocks: Vec<PreActivationBlock>,
    bn1: BatchNorm2d,
    config: WideResNetConfig,
}

impl WideResNet {
    /// The configuration.
    pub fn config(&self) -> &WideResNetConfig {
        &self.config
    }

    fn features(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (_, channels, height, width) = dims4("images", xs)?;
        if channels != self.config.in_channels {
            return Err(Error::Shape {
                what: "images",
                expected: format!("(N, {}, H, W)", self.config.in_channels),
                found: xs.dims().to_vec(),
            });
        }
        let (size, min_size) = (height.min(width), self.config.min_size());
        if size < min_size {
            return Err(Error::TooSmall { size, min_size });
        }
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let mut ys = pass.convolve(&xs, &self.conv1)?;
        for block in &self.blocks {
            ys = block.forward(&ys, &mut pass)?;
        }
        let ys = pass.normalize(&ys, &self.bn1, None, SLOPE)?;
        pass.global_average(&ys)
    }
}

impl Encoder for WideResNet {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.features(xs, mode)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }
}

/// A [`WideResNet`]. Paths are USB's: `conv1.weight`, `block1.layer.0.bn1.weight`,
/// `block2.layer.0.convShortcut.weight`, `bn1.weight` and so on; a classifier beside it would be `fc`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{WideResNetConfig, wide_resnet};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let encoder = wide_resnet(&WideResNetConfig::wrn28_2(), vb)?;
/// let faces = Tensor::zeros((2, 3, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&faces, Mode::Eval)?.dims(), [2, 128]);
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
        ..Default::default()
    };
    let mut blocks = Vec::new();
    let mut channels = config.stem_width();
    for (stage, width) in config.widths().into_iter().enumerate() {
        let vb = vb.pp(format!("block{}.layer", stage + 1));
        for index in 0..config.blocks() {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let sizes = (channels, width, stride);
            blocks.push(PreActivationBlock::new(
                sizes,
                stage == 0,
                config,
                vb.pp(index),
            )?);
            channels = width;
        }
    }
    let stem_width = config.stem_width();
    Ok(WideResNet {
        conv1: conv2d(config.in_channels, stem_width, 3, &stem, vb.pp("conv1"))?,
        blocks,
        bn1: batch_norm2d(channels, &config.norm, vb.pp("bn1"))?,
        config: config.clone(),
    })
}

#[cfg(test)]
mod tests;
