//! The improved residual network of face recognition, with squeeze and excitation.

mod unit;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use leaf_core::{Encoder, Linear, Mode, linear};

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Error, Result, dims4};
use unit::Unit;

/// Pixels of a side: the linear layer at the end reads 7 by 7 places.
const IMAGE_SIZE: usize = 112;
/// The side of the last map.
const LAST_SIDE: usize = 7;
/// The width of the features.
const FEATURES: usize = 512;
/// Units of each stage, and their width.
const STAGES: [(usize, usize); 4] = [(3, 64), (4, 128), (14, 256), (3, 512)];

/// IR-SE-50, from color images `(N, 3, 112, 112)` to features `(N, 512)`.
///
/// Source: J. Deng et al., "ArcFace", CVPR 2019, section 3.2.2 (the improved residual unit), with squeeze
/// and excitation (J. Hu et al., CVPR 2018); names and layout of the widely used PyTorch code, whose last
/// step, dividing by the length, is left to the head. Its dropout is off.
///
/// It is made of single layers with candle's operations between them.
#[derive(Clone, Debug)]
pub struct IrSe50 {
    stem: (Conv2d, BatchNorm2d, Tensor),
    units: Vec<Unit>,
    last_norm: BatchNorm2d,
    linear: Linear,
    feature_norm: BatchNorm2d,
}

/// `x` above 0, `slope x` elsewhere, with a slope for each channel `(C,)`.
fn prelu(xs: &Tensor, slopes: &Tensor, mode: Mode) -> Result<Tensor> {
    let slopes = mode.view(slopes).reshape((1, (), 1, 1))?;
    let below = xs.le(0f64)?;
    Ok(below.where_cond(&xs.broadcast_mul(&slopes)?, xs)?)
}

fn slopes(channels: usize, vb: VarBuilder) -> Result<Tensor> {
    Ok(vb.get_with_hints(channels, "weight", Init::Const(0.25))?)
}

impl IrSe50 {
    fn features(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (count, channels, height, width) = dims4("images", xs)?;
        if (channels, height, width) != (3, IMAGE_SIZE, IMAGE_SIZE) {
            return Err(Error::Shape {
                what: "images",
                expected: format!("(N, 3, {IMAGE_SIZE}, {IMAGE_SIZE})"),
                found: xs.dims().to_vec(),
            });
        }
        let (conv, norm, slopes) = &self.stem;
        let ys = norm.forward(&conv.forward(&mode.view(xs), mode)?, mode)?;
        let mut ys = prelu(&ys, slopes, mode)?;
        for unit in &self.units {
            ys = unit.forward(&ys, mode)?;
        }
        let ys = self.last_norm.forward(&ys, mode)?.flatten_from(1)?;
        let ys = self
            .linear
            .forward(&ys, mode)
            .map_err(candle_core::Error::wrap)?;
        let ys = ys.reshape((count, FEATURES, 1, 1))?;
        Ok(self.feature_norm.forward(&ys, mode)?.flatten_from(1)?)
    }
}

impl Encoder for IrSe50 {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.features(xs, mode)?)
    }

    fn feature_dim(&self) -> usize {
        FEATURES
    }
}

/// An [`IrSe50`]. Paths: `input_layer.0.weight`, `body.0.res_layer.1.weight`,
/// `body.3.shortcut_layer.0.weight`, `output_layer.3.weight` and so on.
///
/// # Errors
/// When the builder's tensors do not fit.
pub fn ir_se50(vb: VarBuilder) -> Result<IrSe50> {
    let norm = BatchNormConfig::default();
    let three = Conv2dConfig {
        padding: 1,
        ..Default::default()
    };
    let (stem, end) = (vb.pp("input_layer"), vb.pp("output_layer"));
    let mut units = Vec::new();
    let mut channels = STAGES[0].1;
    for (count, width) in STAGES {
        for index in 0..count {
            let stride = if index == 0 { 2 } else { 1 };
            let vb = vb.pp("body").pp(units.len());
            units.push(Unit::new((channels, width, stride), &norm, vb)?);
            channels = width;
        }
    }
    let flat = channels * LAST_SIDE * LAST_SIDE;
    Ok(IrSe50 {
        stem: (
            conv2d(3, STAGES[0].1, 3, &three, stem.pp(0))?,
            batch_norm2d(STAGES[0].1, &norm, stem.pp(1))?,
            slopes(STAGES[0].1, stem.pp(2))?,
        ),
        units,
        last_norm: batch_norm2d(channels, &norm, end.pp(0))?,
        linear: linear(flat, FEATURES, end.pp(3)).map_err(candle_core::Error::wrap)?,
        feature_norm: batch_norm2d(FEATURES, &norm, end.pp(4))?,
    })
}

#[cfg(test)]
mod tests;
