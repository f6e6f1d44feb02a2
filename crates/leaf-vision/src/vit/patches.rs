//! From an image to one token a patch.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use leaf_core::{Linear, Mode};

use super::config::VitConfig;
use super::token_linear::linear;
use crate::error::{Error, Result};

/// A convolution whose kernel and stride are the patch's side P: as the patches do not overlap, it is
/// one matrix product of `(N G G, C P P)` pixels with `(C P P, D)` weights.
///
/// Source: A. Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, equation 1.
#[derive(Clone, Debug)]
pub(super) struct PatchEmbedding {
    weight: Tensor,
    bias: Tensor,
    in_channels: usize,
    image_size: usize,
    patch_size: usize,
}

impl PatchEmbedding {
    /// Paths: `proj.weight` `(D, C, P, P)` and `proj.bias`, which start as PyTorch's convolutions do,
    /// uniform within `±1/sqrt(C P P)`; timm leaves them so.
    pub(super) fn new(config: &VitConfig, vb: VarBuilder) -> Result<Self> {
        let side = config.patch_size;
        let bound = ((config.in_channels * side * side) as f64).powf(-0.5);
        let uniform = Init::Uniform {
            lo: -bound,
            up: bound,
        };
        let vb = vb.pp("proj");
        let shape = (config.width, config.in_channels, side, side);
        Ok(Self {
            weight: vb.get_with_hints(shape, "weight", uniform)?,
            bias: vb.get_with_hints(config.width, "bias", uniform)?,
            in_channels: config.in_channels,
            image_size: config.image_size,
            patch_size: side,
        })
    }

    /// `(N, C, S, S)` to `(N, G G, D)`, the patches row by row, `G = S/P`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (channels, size, side) = (self.in_channels, self.image_size, self.patch_size);
        let images = match *xs.dims() {
            [images, c, h, w] if c == channels && h == size && w == size => images,
            _ => {
                return Err(Error::Shape {
                    what: "images",
                    expected: format!("(N, {channels}, {size}, {size})"),
                    found: xs.dims().to_vec(),
                });
            }
        };
        let grid = size / side;
        let patches = xs.reshape(&[images, channels, grid, side, grid, side][..])?;
        let patches = patches.permute([0, 2, 4, 1, 3, 5])?;
        let patches = patches.reshape((images * grid * grid, channels * side * side))?;
        let weight = self.weight.flatten_from(1)?;
        let tokens = linear(&Linear::new(weight, self.bias.clone()), &patches, mode)?;
        Ok(tokens.reshape((images, grid * grid, ()))?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::Parameters;

    use super::*;
    use crate::{Conv2dConfig, convolve, finite_difference};

    #[test]
    fn is_the_convolution_with_the_patch_as_its_stride() -> Result<()> {
        let config = VitConfig {
            in_channels: 2,
            image_size: 12,
            patch_size: 4,
            width: 5,
            ..Default::default()
        };
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let layer = PatchEmbedding::new(&config, vb)?;
        let xs = finite_difference::normal(1, &[3, 2, 12, 12])?;
        let tokens = layer.forward(&xs, Mode::Eval)?;
        let strided = Conv2dConfig {
            stride: 4,
            ..Default::default()
        };
        let map = convolve(&xs, &layer.weight, &strided)?;
        let map = map.broadcast_add(&layer.bias.reshape((1, (), 1, 1))?)?;
        let wanted = map.flatten_from(2)?.transpose(1, 2)?;
        let largest = (tokens - wanted)?.abs()?.max_all()?.to_scalar::<f64>()?;
        assert!(largest < 1e-12, "{largest}");
        Ok(())
    }
}
