//! The convolution with its weight.

use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::init::{FanInOut, NonLinearity, NormalOrUniform};
use candle_nn::{Init, VarBuilder};
use leaf_core::Mode;

use super::Conv2dConfig;
use crate::error::{Error, Result, positive};
use crate::kernels::packed::PackedWeights;
use crate::pass::Pass;

/// A convolution layer.
///
/// On the processor it keeps its weight in the order of the products while the weight stays the same,
/// if there are few pixels and it takes at most 10 MB, once for each direction.
#[derive(Clone, Debug)]
pub struct Conv2d {
    weight: Tensor,
    bias: Option<Tensor>,
    config: Conv2dConfig,
    packed: Arc<PackedWeights>,
}

impl Conv2d {
    /// From a weight `(O, C/groups, h, w)` and, if the configuration asks for one, a bias `(O,)`.
    ///
    /// # Errors
    /// When the configuration breaks a rule or a shape does not fit it.
    pub fn new(weight: Tensor, bias: Option<Tensor>, config: Conv2dConfig) -> Result<Self> {
        config.check()?;
        let (out_channels, ..) = crate::error::dims4("weight of conv2d", &weight)?;
        let wanted = config.bias.then(|| vec![out_channels]);
        let found = bias.as_ref().map(|bias| bias.dims().to_vec());
        if wanted != found {
            return Err(Error::Shape {
                what: "bias of conv2d",
                expected: format!("{:?}", wanted.unwrap_or_default()),
                found: found.unwrap_or_default(),
            });
        }
        Ok(Self {
            weight,
            bias,
            config,
            packed: Arc::default(),
        })
    }

    /// `(N, C, H, W)` to `(N, O, H', W')`, see [`crate::convolve`].
    ///
    /// # Errors
    /// When the input does not fit.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let ys = pass.convolve(&xs, self)?;
        pass.finish(&ys)
    }

    /// The weight `(O, C/groups, h, w)`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias `(O,)`, if there is one.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Where the weight's packed forms are kept.
    pub(crate) fn packed(&self) -> &Arc<PackedWeights> {
        &self.packed
    }

    /// The configuration.
    pub fn config(&self) -> &Conv2dConfig {
        &self.config
    }
}

/// A [`Conv2d`] layer with a square kernel. Paths: `weight`, and `bias` if there is one.
///
/// The weight starts as torchvision's ResNets do, normal with variance `2/(O h w)` (K. He et al.,
/// "Delving deep into rectifiers", ICCV 2015, section 2.2, backward case); the bias starts at 0.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Mode, Parameters};
/// use leaf_vision::{Conv2dConfig, conv2d};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
/// let config = Conv2dConfig { stride: 2, padding: 1, ..Default::default() };
/// let layer = conv2d(3, 16, 3, &config, vb)?;
/// let images = Tensor::zeros((5, 3, 32, 32), DType::F32, &Device::Cpu)?;
/// assert_eq!(layer.forward(&images, Mode::Train)?.dims(), [5, 16, 16, 16]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn conv2d(
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    config: &Conv2dConfig,
    vb: VarBuilder,
) -> Result<Conv2d> {
    config.check()?;
    for (field, value) in [
        ("in_channels", in_channels),
        ("out_channels", out_channels),
        ("kernel", kernel),
    ] {
        positive(field, value)?;
    }
    for (field, channels) in [("in_channels", in_channels), ("out_channels", out_channels)] {
        if !channels.is_multiple_of(config.groups) {
            return Err(Error::OutOfRange {
                field,
                value: channels,
                expected: format!("a multiple of groups = {}", config.groups),
            });
        }
    }
    let shape = (out_channels, in_channels / config.groups, kernel, kernel);
    let init = Init::Kaiming {
        dist: NormalOrUniform::Normal,
        fan: FanInOut::FanOut,
        non_linearity: NonLinearity::ReLU,
    };
    let weight = vb.get_with_hints(shape, "weight", init)?;
    let bias = match config.bias {
        true => Some(vb.get_with_hints(out_channels, "bias", Init::Const(0.))?),
        false => None,
    };
    Conv2d::new(weight, bias, config.clone())
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::Parameters;

    use super::*;

    #[test]
    fn starts_as_torchvision_does() -> Result<()> {
        let vb = Parameters::new(0).builder(DType::F64, &Device::Cpu);
        let layer = conv2d(64, 32, 3, &Conv2dConfig::default(), vb)?;
        let variance = layer.weight().sqr()?.mean_all()?.to_scalar::<f64>()?;
        assert!((variance * 32. * 9. / 2. - 1.).abs() < 0.05, "{variance}");
        Ok(())
    }

    #[test]
    fn a_bias_is_added_to_each_channel() -> Result<()> {
        let config = Conv2dConfig {
            bias: true,
            ..Default::default()
        };
        let device = Device::Cpu;
        let weight = Tensor::ones((2, 1, 1, 1), DType::F32, &device)?;
        let bias = Tensor::new(&[1f32, -1.], &device)?;
        let layer = Conv2d::new(weight.clone(), Some(bias), config.clone())?;
        let ys = layer.forward(
            &Tensor::zeros((1, 1, 1, 2), DType::F32, &device)?,
            Mode::Eval,
        )?;
        assert_eq!(ys.flatten_all()?.to_vec1::<f32>()?, [1., 1., -1., -1.]);
        let error = Conv2d::new(weight, None, config).unwrap_err().to_string();
        assert_eq!(error, "bias of conv2d has shape [], expected [2]");
        Ok(())
    }

    #[test]
    fn evaluation_keeps_no_graph() -> Result<()> {
        let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
        let config = Conv2dConfig {
            bias: true,
            ..Default::default()
        };
        let layer = conv2d(1, 2, 3, &config, vb)?;
        let xs = Tensor::zeros((1, 1, 5, 5), DType::F32, &Device::Cpu)?;
        assert!(layer.forward(&xs, Mode::Train)?.track_op());
        assert!(!layer.forward(&xs, Mode::Teacher)?.track_op());
        assert!(!layer.forward(&xs, Mode::Eval)?.track_op());
        Ok(())
    }

    #[test]
    fn groups_must_divide_the_channels() {
        let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
        let config = Conv2dConfig {
            groups: 2,
            ..Default::default()
        };
        let error = conv2d(3, 4, 3, &config, vb).unwrap_err().to_string();
        assert_eq!(error, "in_channels = 3, expected a multiple of groups = 2");
    }
}
