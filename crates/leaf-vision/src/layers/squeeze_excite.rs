//! Channels weighed by what the whole image shows.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Error, Result};
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Activation, Map, Pass};

/// `x sigmoid(fc2(relu(fc1(mean(x)))))`: one factor for each channel of each image.
///
/// Source: J. Hu et al., "Squeeze-and-excitation networks", CVPR 2018, equations 2 to 4, without biases.
#[derive(Clone, Debug)]
pub struct SqueezeExcite {
    fc1: Conv2d,
    fc2: Conv2d,
}

impl MapLayer for SqueezeExcite {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let weights = [self.fc1.weight(), self.fc2.weight()];
        pass.apply(xs, &weights, |xs, weights| {
            let means = xs.mean((2, 3))?;
            let hidden = means.matmul(&matrix(&weights[0])?)?;
            let hidden = Activation::Relu.plain(&hidden)?;
            let logits = hidden.matmul(&matrix(&weights[1])?)?;
            let factors = (((logits / 2.)?.tanh()? + 1.)? / 2.)?;
            let (images, channels) = factors.dims2()?;
            Ok(xs.broadcast_mul(&factors.reshape((images, channels, 1, 1))?)?)
        })
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        let channels = self.fc2.weight().dim(0)?;
        same_channels(in_channels, channels)?;
        Ok(in_channels)
    }
}

/// The weight `(O, C, 1, 1)` of a 1x1 convolution as `(C, O)`.
fn matrix(weight: &Tensor) -> Result<Tensor> {
    Ok(weight.flatten_from(1)?.t()?)
}

/// A [`SqueezeExcite`] layer whose hidden layer has a `reduction`-th of the channels. Paths:
/// `fc1.weight` `(C/r, C, 1, 1)` and `fc2.weight` `(C, C/r, 1, 1)`.
///
/// # Errors
/// When the hidden layer would be empty or the builder's tensors do not fit.
pub fn squeeze_excite(channels: usize, reduction: usize, vb: VarBuilder) -> Result<SqueezeExcite> {
    let hidden = channels.checked_div(reduction).unwrap_or(0);
    if hidden == 0 {
        return Err(Error::OutOfRange {
            field: "reduction",
            value: reduction,
            expected: format!("1 to {channels}, the channels"),
        });
    }
    let config = Conv2dConfig::default();
    Ok(SqueezeExcite {
        fc1: conv2d(channels, hidden, 1, &config, vb.pp("fc1"))?,
        fc2: conv2d(hidden, channels, 1, &config, vb.pp("fc2"))?,
    })
}
