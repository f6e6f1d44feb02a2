//! Batch normalization of images, with running statistics.

pub(crate) mod plain;
mod statistics;

use candle_core::{Tensor, Var};
use candle_nn::{Init, VarBuilder};
use leaf_core::Mode;

use crate::error::{Error, Result, positive};
use crate::pass::{Activation, Pass};
pub(crate) use statistics::Statistics;

/// The configuration of a [`BatchNorm2d`] layer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct BatchNormConfig {
    /// What is added to the variance before the root.
    pub eps: f64,
    /// The weight of a batch in the running statistics, as PyTorch counts it.
    pub momentum: f64,
    /// Whether every mode normalizes by the running statistics and none changes them, for
    /// fine-tuning; weight and bias still learn.
    pub frozen: bool,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        Self {
            eps: 1e-5,
            momentum: 0.1,
            frozen: false,
        }
    }
}

impl BatchNormConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        let wrong = |field, value, expected| {
            Err(Error::NumberOutOfRange {
                field,
                value,
                expected,
            })
        };
        if !(self.eps.is_finite() && self.eps > 0.) {
            return wrong("eps", self.eps, "a number above 0");
        }
        if !(0. ..=1.).contains(&self.momentum) {
            return wrong("momentum", self.momentum, "0 to 1");
        }
        Ok(())
    }
}

/// `y = weight (x - mean)/sqrt(var + eps) + bias` for each channel of `(N, C, H, W)`.
///
/// | mode | mean and variance | running statistics |
/// |---|---|---|
/// | `Train` | the batch's, biased variance | `(1 - momentum) old + momentum new`, unbiased variance |
/// | `Teacher` | the batch's | stay |
/// | `Eval` | the running ones | stay |
/// | any, if frozen | the running ones | stay |
///
/// Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, algorithm 1; details as in
/// PyTorch's `BatchNorm2d`.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    config: BatchNormConfig,
}

impl BatchNorm2d {
    /// From weight, bias and running statistics, all `(C,)`.
    ///
    /// # Errors
    /// When the configuration breaks a rule or the shapes differ.
    pub fn new(
        weight: Tensor,
        bias: Tensor,
        running_mean: Var,
        running_var: Var,
        config: BatchNormConfig,
    ) -> Result<Self> {
        config.check()?;
        let channels = weight.elem_count();
        for (what, tensor) in [
            ("weight of batch norm", &weight),
            ("bias of batch norm", &bias),
            ("running mean of batch norm", running_mean.as_tensor()),
            ("running variance of batch norm", running_var.as_tensor()),
        ] {
            if tensor.dims() != [channels] {
                return Err(Error::Shape {
                    what,
                    expected: format!("({channels},)"),
                    found: tensor.dims().to_vec(),
                });
            }
        }
        Ok(Self {
            weight,
            bias,
            running_mean,
            running_var,
            config,
        })
    }

    /// `(N, C, H, W)` to the same shape.
    ///
    /// # Errors
    /// When the number of channels differs, or when batch statistics are wanted of a single value
    /// per channel.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (mut pass, xs) = Pass::begin(xs, mode)?;
        let ys = pass.normalize(&xs, self, None, Activation::Identity)?;
        pass.finish(&ys)
    }

    /// The scale of each channel `(C,)`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The shift of each channel `(C,)`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }

    /// The running mean of each channel `(C,)`.
    pub fn running_mean(&self) -> &Var {
        &self.running_mean
    }

    /// The running unbiased variance of each channel `(C,)`.
    pub fn running_var(&self) -> &Var {
        &self.running_var
    }

    /// The configuration.
    pub fn config(&self) -> &BatchNormConfig {
        &self.config
    }
}

/// A [`BatchNorm2d`] layer that starts with mean 0, variance 1, weight 1 and bias 0. Paths:
/// `weight`, `bias`, and the buffers `running_mean`, `running_var`.
///
/// The running statistics are updated in place where the builder's tensors are variables, as those
/// of [`leaf_core::Parameters`] are; otherwise the layer keeps its own.
///
/// ```
/// use candle_core::{DType, Device};
/// use leaf_core::{Mode, Parameters, Random};
/// use leaf_vision::{BatchNormConfig, batch_norm2d};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let norm = batch_norm2d(3, &BatchNormConfig::default(), vb.pp("bn1"))?;
/// let xs = Random::new(0).normal_tensor(5., 2., (8, 3, 4, 4), DType::F32, &Device::Cpu)?;
/// let ys = norm.forward(&xs, Mode::Train)?;
/// assert!(ys.mean_all()?.to_scalar::<f32>()?.abs() < 1e-5);
/// let running = parameters.buffers()["bn1.running_mean"].to_vec1::<f32>()?;
/// assert!(running.iter().all(|mean| (mean - 0.5).abs() < 0.2));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn batch_norm2d(
    channels: usize,
    config: &BatchNormConfig,
    vb: VarBuilder,
) -> Result<BatchNorm2d> {
    config.check()?;
    positive("channels", channels)?;
    let tensor = |name, value| vb.get_with_hints(channels, name, Init::Const(value));
    BatchNorm2d::new(
        tensor("weight", 1.)?,
        tensor("bias", 0.)?,
        // A tensor that is a variable already is taken as it is, not copied.
        Var::from_tensor(&tensor("running_mean", 0.)?)?,
        Var::from_tensor(&tensor("running_var", 1.)?)?,
        config.clone(),
    )
}

#[cfg(test)]
mod tests;
