//! The improved residual network of face recognition.

mod config;
mod unit;

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Linear, Mode, linear};

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Error, Result, dims4};
use crate::layers::{PRelu, prelu};
use crate::map_layer::MapLayer;
use crate::pass::{Activation, Pass};
use crate::resnet::BlockShape;
pub use config::IrSeConfig;
use unit::Unit;

/// Face recognition's residual network with squeeze-and-excitation, from aligned faces to features.
///
/// Source: J. Deng et al., "ArcFace", CVPR 2019, section 3.1; units and names as in TreB1eN's
/// implementation. Its dropout is left out, and its features are not brought to length 1: divide by
/// their norm to compare faces. Convolutions start as [`conv2d`] does. The learned rectifiers and
/// squeeze-and-excitation are candle's operations on every device.
#[derive(Clone, Debug)]
pub struct IrSeNet {
    stem: (Conv2d, BatchNorm2d, PRelu),
    body: Vec<Unit>,
    norm: BatchNorm2d,
    linear: Linear,
    feature_norm: BatchNorm2d,
    config: IrSeConfig,
}

impl IrSeNet {
    /// The configuration.
    pub fn config(&self) -> &IrSeConfig {
        &self.config
    }

    /// The normalized map behind the units: `(N, C, S, S)` to `(N, D, S', S')`.
    ///
    /// # Errors
    /// When the images have other channels or another side than the configuration says.
    pub fn feature_map(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (_, channels, height, width) = dims4("images", xs)?;
        let IrSeConfig {
            in_channels, size, ..
        } = self.config;
        if (channels, height, width) != (in_channels, size, size) {
            return Err(Error::Shape {
                what: "images",
                expected: format!("(N, {in_channels}, {size}, {size})"),
                found: xs.dims().to_vec(),
            });
        }
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let (conv, bn, prelu) = &self.stem;
        let ys = pass.convolve_normalize(&xs, (conv, bn), None, Activation::Identity)?;
        let mut ys = prelu.forward_map(&ys, &mut pass)?;
        for unit in &self.body {
            ys = unit.forward_map(&ys, &mut pass)?;
        }
        let ys = pass.normalize(&ys, &self.norm, None, Activation::Identity)?;
        pass.finish(&ys)
    }
}

impl Encoder for IrSeNet {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        let map = self.feature_map(xs, mode)?;
        let features = self.linear.forward(&map.flatten_from(1)?, mode)?;
        // PyTorch's norm of vectors is that of maps with one pixel.
        let (images, width) = features.dims2()?;
        let maps = features.reshape((images, width, 1, 1))?;
        Ok(self.feature_norm.forward(&maps, mode)?.flatten_from(1)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim
    }
}

/// An [`IrSeNet`]. Paths are TreB1eN's: `input_layer.0.weight`, `body.0.res_layer.0.weight`,
/// `body.3.shortcut_layer.0.weight`, `output_layer.3.weight` and so on.
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn ir_se_net(config: &IrSeConfig, vb: VarBuilder) -> Result<IrSeNet> {
    config.check()?;
    let norm = BatchNormConfig::default();
    let (width, last) = (config.widths[0], config.widths[config.widths.len() - 1]);
    let stem = Conv2dConfig {
        padding: 1,
        ..Default::default()
    };
    let input = vb.pp("input_layer");
    let output = vb.pp("output_layer");
    let inputs = last * config.last_side() * config.last_side();
    let linear = linear(inputs, config.feature_dim, output.pp(3));
    Ok(IrSeNet {
        stem: (
            conv2d(config.in_channels, width, 3, &stem, input.pp(0))?,
            batch_norm2d(width, &norm, input.pp(1))?,
            prelu(width, input.pp(2))?,
        ),
        body: body(config, &vb.pp("body"))?,
        norm: batch_norm2d(last, &norm, output.pp(0))?,
        linear: linear.map_err(candle_core::Error::wrap)?,
        feature_norm: batch_norm2d(config.feature_dim, &norm, output.pp(4))?,
        config: config.clone(),
    })
}

/// The units of all stages in order; the first of a stage halves the side.
fn body(config: &IrSeConfig, vb: &VarBuilder) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    let mut in_channels = config.widths[0];
    for (width, count) in config.widths.iter().zip(&config.units) {
        for index in 0..*count {
            let shape = BlockShape {
                in_channels,
                out_channels: *width,
                stride: if index == 0 { 2 } else { 1 },
            };
            units.push(Unit::new(shape, config.reduction, vb.pp(units.len()))?);
            in_channels = *width;
        }
    }
    Ok(units)
}

#[cfg(test)]
mod tests;
