//! One forward pass over maps.
//!
//! A [`Pass`] is how layers see a network: they take a [`Map`] and give a [`Map`]. On the processor,
//! in f32, maps are kept channels last in buffers that are used again, and what the backward pass needs
//! is written on a tape; the whole pass then is one operation of candle, whose gradients go where
//! candle's go. On other devices and in other number types the same layers are candle's own operations.

mod add;
mod apply;
mod average;
mod convolve;
mod images;
mod max_pool;
mod normalize;
mod recorded;
mod tape;
mod unread;

use std::sync::Arc;

use candle_core::{DType, Tensor};
use leaf_core::Mode;

use crate::error::{Result, dims4};
use crate::kernels::plan::Plan;
use crate::kernels::scratch::Scratch;
use crate::kernels::simd::Isa;
use tape::{Tape, Value};

/// What follows a layer on each number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// `x`.
    #[default]
    Identity,
    /// `max(x, 0)`, with gradient 0 at 0 as in PyTorch.
    Relu,
    /// `x` above 0, that many times `x` elsewhere; at least 0 times, since the output's sign must tell
    /// the input's when gradients are computed.
    LeakyRelu(f32),
}

impl Activation {
    /// What numbers below 0 are multiplied with.
    pub(crate) fn slope(self) -> f32 {
        match self {
            Self::Identity => 1.,
            Self::Relu => 0.,
            Self::LeakyRelu(slope) => slope,
        }
    }

    /// Fails for a slope whose gradient nothing could compute.
    pub(crate) fn check(self) -> Result<()> {
        let slope = self.slope();
        match slope >= 0. && slope.is_finite() {
            true => Ok(()),
            false => Err(crate::Error::NumberOutOfRange {
                field: "slope of LeakyRelu",
                value: slope.into(),
                expected: "a finite number of at least 0",
            }),
        }
    }

    /// By candle's operations.
    pub(crate) fn plain(self, xs: &Tensor) -> Result<Tensor> {
        if self.slope() == 1. {
            return Ok(xs.clone());
        }
        // Not candle's relu, whose gradient is 1 at 0. What is no number stays none.
        let below = xs.le(0f64)?;
        let scaled = match self {
            Self::Relu => xs.zeros_like()?,
            _ => (xs * f64::from(self.slope()))?,
        };
        Ok(below.where_cond(&scaled, xs)?)
    }
}

/// The maps of a batch inside a [`Pass`]: `(N, C, H, W)` to whoever asks.
#[derive(Clone, Debug)]
pub struct Map(Pixels);

#[derive(Clone, Debug)]
enum Pixels {
    /// `(N, C, H, W)` on candle's graph.
    Plain(Tensor),
    /// Images `(N, C, H, W)` that no layer has seen yet.
    Images(Tensor),
    /// On the tape.
    Last(LastMap),
}

/// Maps `(images, height, width, channels)`.
#[derive(Clone, Debug)]
struct LastMap {
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
    data: Arc<Scratch>,
    value: Value,
}

impl LastMap {
    fn pixels(&self) -> usize {
        self.height * self.width
    }
}

impl Map {
    /// `[N, C, H, W]`.
    pub fn dims(&self) -> [usize; 4] {
        match &self.0 {
            Pixels::Plain(xs) | Pixels::Images(xs) => {
                // A map is made of tensors of 4 dimensions alone.
                let dims = xs.dims();
                [dims[0], dims[1], dims[2], dims[3]]
            }
            Pixels::Last(map) => [map.images, map.channels, map.height, map.width],
        }
    }
}

/// One forward pass over maps.
///
/// Layers take a [`Map`] and give a [`Map`]. On the processor, in f32, maps are kept channels last in
/// buffers that are used again, and what the backward pass needs is written on a tape; the whole pass then
/// is one operation of candle, whose gradients go where candle's go. It runs backward once, since it lets
/// its maps go while it does. On other devices and in other number types the same layers are candle's own
/// operations.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Mode, Parameters};
/// use leaf_vision::{Activation, Conv2dConfig, Pass, conv2d};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let config = Conv2dConfig { padding: 1, ..Default::default() };
/// let (first, second) = (conv2d(3, 8, 3, &config, vb.pp("a"))?, conv2d(8, 8, 3, &config, vb.pp("b"))?);
///
/// let images = Tensor::ones((2, 3, 16, 16), DType::F32, &Device::Cpu)?;
/// let (mut pass, xs) = Pass::begin(&images, Mode::Train)?;
/// let ys = pass.convolve(&xs, &first)?;
/// let ys = pass.activate(&ys, Activation::Relu)?;
/// let ys = pass.convolve(&ys, &second)?;
/// let features = pass.global_average(&ys)?; // one operation of candle, with a gradient
/// assert_eq!(features.dims(), [2, 8]);
/// let gradients = features.sum_all()?.backward()?;
/// assert!(parameters.trainable().values().all(|var| gradients.get(var).is_some()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pass {
    mode: Mode,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Plain,
    Kernels {
        plan: Plan,
        /// What the backward pass needs; none where no gradient flows.
        tape: Option<Tape>,
    },
}

impl Pass {
    /// A pass over images `(N, C, H, W)`.
    ///
    /// # Errors
    /// When the images have not 4 dimensions, or `LEAF_SIMD` or `LEAF_WINOGRAD` has a value that cannot
    /// be served.
    pub fn begin(images: &Tensor, mode: Mode) -> Result<(Self, Map)> {
        dims4("images", images)?;
        let plan = Plan {
            isa: Isa::in_use()?,
            winograd: crate::kernels::plan::winograd_in_use()?,
        };
        Self::with_plan(images, mode, plan)
    }

    /// The same with given kernels.
    pub(crate) fn with_plan(images: &Tensor, mode: Mode, plan: Plan) -> Result<(Self, Map)> {
        let images = mode.view(images);
        let served = images.device().is_cpu() && images.dtype() == DType::F32;
        if !served || images.elem_count() == 0 {
            return Ok((Self::plain(mode), Map(Pixels::Plain(images))));
        }
        Scratch::begin_pass();
        let tape = mode.is_train().then(Tape::default);
        let backend = Backend::Kernels { plan, tape };
        let images = images.contiguous()?;
        Ok((Self { mode, backend }, Map(Pixels::Images(images))))
    }

    /// A pass of candle's own operations whatever the device: what the kernels are tested against.
    pub(crate) fn plain(mode: Mode) -> Self {
        Self {
            mode,
            backend: Backend::Plain,
        }
    }

    /// How the pass is meant.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The kernels' plan and tape.
    fn kernels(&mut self) -> Option<(Plan, &mut Option<Tape>)> {
        match &mut self.backend {
            Backend::Plain => None,
            Backend::Kernels { plan, tape } => Some((*plan, tape)),
        }
    }
}

#[cfg(test)]
mod tests;
