//! The rectifier whose slope is learned.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};

use crate::error::{Result, positive};
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Map, Pass};

/// `x` above 0, `slope x` elsewhere, with a slope for each channel.
///
/// Source: K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 1; as PyTorch's `PReLU`.
#[derive(Clone, Debug)]
pub struct PRelu {
    slopes: Tensor,
}

impl MapLayer for PRelu {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.apply(xs, &[&self.slopes], |xs, parameters| {
            let below = xs.broadcast_mul(&parameters[0].reshape((1, (), 1, 1))?)?;
            Ok(xs.gt(0f64)?.where_cond(xs, &below)?)
        })
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.slopes.elem_count())?;
        Ok(in_channels)
    }
}

/// A [`PRelu`] with slopes of 0.25 at first. Path: `weight`.
///
/// # Errors
/// When there are no channels or the builder's tensor does not fit.
pub fn prelu(channels: usize, vb: VarBuilder) -> Result<PRelu> {
    positive("channels", channels)?;
    let slopes = vb.get_with_hints(channels, "weight", Init::Const(0.25))?;
    Ok(PRelu { slopes })
}
