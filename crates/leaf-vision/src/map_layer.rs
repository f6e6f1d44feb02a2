//! Layers over maps, and encoders that are a stack of them.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::{Error, Result, dims4};
use crate::pass::{Activation, Map, Pass};

/// Something that takes a map and gives a map.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a layer over maps",
    note = "implement `leaf_vision::MapLayer`: `forward` records operations of the pass"
)]
pub trait MapLayer: std::fmt::Debug + Send + Sync {
    /// Maps `(N, C, H, W)` to maps, by operations of the pass.
    ///
    /// # Errors
    /// When the map does not fit.
    fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map>;
}

/// A convolution, batch norm and an activation.
#[derive(Clone, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm2d,
    activation: Activation,
}

impl ConvNorm {
    /// From its layers.
    pub fn new(conv: Conv2d, norm: BatchNorm2d, activation: Activation) -> Self {
        Self {
            conv,
            norm,
            activation,
        }
    }
}

impl MapLayer for ConvNorm {
    fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.convolve_normalize(xs, (&self.conv, &self.norm), None, self.activation)
    }
}

/// A [`ConvNorm`] with a rectifier that keeps the side, or divides it by the stride. Paths: `conv`, `norm`.
///
/// # Errors
/// When a number is out of its bounds or the builder's tensors do not fit.
pub fn conv_norm(
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    vb: VarBuilder,
) -> Result<ConvNorm> {
    let config = Conv2dConfig {
        stride,
        padding: kernel / 2,
        ..Default::default()
    };
    Ok(ConvNorm::new(
        conv2d(in_channels, out_channels, kernel, &config, vb.pp("conv"))?,
        batch_norm2d(out_channels, &BatchNormConfig::default(), vb.pp("norm"))?,
        Activation::Relu,
    ))
}

/// The largest value of each window, see [`crate::max_pool2d`].
#[derive(Clone, Copy, Debug)]
pub struct MaxPool2d {
    /// The window's side.
    pub kernel: usize,
    /// Pixels between windows.
    pub stride: usize,
    /// Pixels that a window may reach beyond the map.
    pub padding: usize,
}

impl MapLayer for MaxPool2d {
    fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.max_pool2d(xs, self.kernel, self.stride, self.padding)
    }
}

/// An encoder of one's own: layers one after the other, and the mean over the last map.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{MapLayer, Map, Pass, Result, Stack, basic_block, conv_norm};
///
/// # fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let encoder = Stack::new(1, 32)
///     .with(conv_norm(1, 16, 3, 1, vb.pp("stem"))?)
///     .with(basic_block(16, 32, 2, vb.pp("block1"))?)
///     .with(basic_block(32, 32, 2, vb.pp("block2"))?);
/// let faces = Tensor::zeros((4, 1, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&faces, Mode::Train)?.dims(), [4, 32]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Stack {
    in_channels: usize,
    feature_dim: usize,
    layers: Vec<Box<dyn MapLayer>>,
}

impl Stack {
    /// No layers yet, for images of that many channels; the last layer must give `feature_dim` channels.
    pub fn new(in_channels: usize, feature_dim: usize) -> Self {
        Self {
            in_channels,
            feature_dim,
            layers: Vec::new(),
        }
    }

    /// With one more layer.
    #[must_use]
    pub fn with(mut self, layer: impl MapLayer + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    fn features(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (_, channels, ..) = dims4("images", xs)?;
        check_channels("images", self.in_channels, channels, xs.dims())?;
        let (mut pass, mut map) = Pass::begin(xs, mode)?;
        for layer in &self.layers {
            map = layer.forward(&map, &mut pass)?;
        }
        let dims = map.dims();
        check_channels("last map of the stack", self.feature_dim, dims[1], &dims)?;
        pass.global_average(&map)
    }
}

fn check_channels(what: &'static str, wanted: usize, found: usize, dims: &[usize]) -> Result<()> {
    if wanted == found {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("(N, {wanted}, H, W)"),
        found: dims.to_vec(),
    })
}

impl Encoder for Stack {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.features(xs, mode)?)
    }

    fn feature_dim(&self) -> usize {
        self.feature_dim
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::Parameters;

    use super::*;
    use crate::finite_difference;
    use crate::resnet::basic_block;

    fn stack(dtype: DType) -> Result<(Parameters, Stack)> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(dtype, &Device::Cpu);
        let pool = MaxPool2d {
            kernel: 3,
            stride: 2,
            padding: 1,
        };
        let stack = Stack::new(2, 3)
            .with(conv_norm(2, 2, 3, 1, vb.pp("stem"))?)
            .with(pool)
            .with(basic_block(2, 3, 2, vb.pp("block"))?);
        Ok((parameters, stack))
    }

    #[test]
    fn a_stack_is_differentiable() -> Result<()> {
        let (parameters, stack) = stack(DType::F64)?;
        let xs = finite_difference::normal(2, &[3, 2, 7, 6])?;
        let vars = parameters.trainable();
        let vars: Vec<_> = vars.values().chain([&xs]).collect();
        finite_difference::check(&vars, || stack.features(&xs, Mode::Train))
    }

    #[test]
    fn wrong_channels_are_named() -> Result<()> {
        let (_, stack) = stack(DType::F32)?;
        let xs = Tensor::zeros((2, 3, 8, 8), DType::F32, &Device::Cpu)?;
        let error = stack.features(&xs, Mode::Eval).unwrap_err().to_string();
        assert_eq!(
            error,
            "images has shape [2, 3, 8, 8], expected (N, 2, H, W)"
        );
        let xs = Tensor::zeros((2, 2, 8, 8), DType::F32, &Device::Cpu)?;
        let error = Stack::new(2, 5).features(&xs, Mode::Eval).unwrap_err();
        let text = "last map of the stack has shape [2, 2, 8, 8], expected (N, 5, H, W)";
        assert_eq!(error.to_string(), text);
        Ok(())
    }
}
