//! The residual block, with and without halving the side.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::Mode;

use super::scaled_conv::{Filters, ScaledConv};
use crate::error::{Result, dims4};
use crate::pass::Activation;

/// How many blocks there are.
pub(super) const BLOCKS: usize = 14;

/// `relu(conv2(relu(conv1(x))) + x)`; where the side is halved, conv1 has stride 2 and no padding, and
/// instead of x comes its 2x2 average pool. The smaller of the two is filled up with zeros, at the
/// lower right and in the last channels.
///
/// Source: dlib's `dnn_face_recognition_ex.cpp` (`residual`, `residual_down`) and its layer
/// `add_prev`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    conv1: ScaledConv,
    conv2: ScaledConv,
    down: bool,
}

impl Block {
    /// Paths: `conv1`, `conv2`.
    pub(super) fn new(channels: (usize, usize), down: bool, vb: VarBuilder) -> Result<Self> {
        let (in_channels, out_channels) = channels;
        let first = Filters {
            in_channels,
            out_channels,
            kernel: 3,
            stride: if down { 2 } else { 1 },
            padding: if down { 0 } else { 1 },
        };
        let second = Filters {
            in_channels: out_channels,
            stride: 1,
            padding: 1,
            ..first
        };
        // Each block adds its variance to x's, and no norm takes it back: so that all of them together
        // multiply it by less than e, each adds one part in BLOCKS.
        let scale = (BLOCKS as f64).powf(-0.5);
        Ok(Self {
            conv1: ScaledConv::new(first, 1., vb.pp("conv1"))?,
            conv2: ScaledConv::new(second, scale, vb.pp("conv2"))?,
            down,
        })
    }

    /// `(N, C, H, W)` to `(N, O, H, W)`, or to `(N, O, H/2, W/2)` rounded down.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = Activation::Relu.plain(&self.conv1.forward(xs, mode)?)?;
        let ys = self.conv2.forward(&ys, mode)?;
        if !self.down {
            return Activation::Relu.plain(&(ys + xs)?);
        }
        let shortcut = halve(xs)?;
        let (_, channels, height, width) = dims4("shortcut", &shortcut)?;
        let ys = fill_up(&fill_up(&ys, 2, height)?, 3, width)?;
        let shortcut = fill_up(&shortcut, 1, ys.dim(1)?.max(channels))?;
        Activation::Relu.plain(&(ys + shortcut)?)
    }
}

/// Zeros behind a dimension until it has that size.
fn fill_up(xs: &Tensor, dim: usize, size: usize) -> Result<Tensor> {
    let missing = size.saturating_sub(xs.dim(dim)?);
    Ok(xs.pad_with_zeros(dim, 0, missing)?)
}

/// The mean of each 2x2 window; what is left of odd sides is dropped. `(N, C, H, W)` to
/// `(N, C, H/2, W/2)`.
///
/// Not candle's avg_pool2d, whose gradient is wrong where the window does not divide the image.
fn halve(xs: &Tensor) -> Result<Tensor> {
    let (images, channels, height, width) = dims4("input of a halving block", xs)?;
    let (height, width) = (height / 2, width / 2);
    let xs = xs.narrow(2, 0, 2 * height)?.narrow(3, 0, 2 * width)?;
    let windows = xs.reshape(&[images * channels, height, 2, width, 2][..])?;
    let means = windows.mean((2, 4))?;
    Ok(means.reshape((images, channels, height, width))?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use leaf_core::Parameters;

    use super::*;
    use crate::finite_difference;

    #[test]
    fn halves_by_the_mean_of_whole_windows() -> Result<()> {
        let xs: Vec<f64> = (0..15).map(f64::from).collect();
        let xs = Tensor::from_vec(xs, (1, 1, 3, 5), &Device::Cpu)?;
        let ys = halve(&xs)?;
        assert_eq!(ys.dims(), [1, 1, 1, 2]);
        assert_eq!(ys.flatten_all()?.to_vec1::<f64>()?, [3., 5.]);
        Ok(())
    }

    #[test]
    fn gradients_are_differences() -> Result<()> {
        // Even and odd sides: the one convolution leaves one row and column too few, or none.
        for (channels, down, side) in [
            ((2, 2), false, 4),
            ((2, 4), true, 5),
            ((2, 3), true, 6),
            ((2, 2), true, 4),
        ] {
            let parameters = Parameters::new(3);
            let vb = parameters.builder(DType::F64, &Device::Cpu);
            let block = Block::new(channels, down, vb)?;
            let vars = parameters.trainable();
            for (seed, name) in ["conv1.scale.bias", "conv2.scale.bias"].iter().enumerate() {
                // Off zero, where the rectifier has no derivative.
                let var = &vars[*name];
                let bias = finite_difference::normal(seed as u64, var.dims())?;
                var.set(&bias)?;
            }
            let xs = finite_difference::normal(9, &[2, channels.0, side, side])?;
            let mut vars: Vec<&Var> = vars.values().collect();
            vars.push(&xs);
            finite_difference::check(&vars, || block.forward(&xs, Mode::Train))?;
        }
        Ok(())
    }
}
