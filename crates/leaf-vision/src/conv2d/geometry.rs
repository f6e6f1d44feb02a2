//! The sizes of a convolution.

use candle_core::Tensor;

use crate::kernels::convolution::Convolution;

use super::Conv2dConfig;
use crate::error::{Error, Result, dims4, positive};

/// The sizes of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_channels: usize,
    pub(crate) kernel_height: usize,
    pub(crate) kernel_width: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Geometry {
    /// Of images `(N, C, H, W)` and a weight `(O, C/groups, h, w)`; `channels` and `out_channels`
    /// are those of all groups together.
    #[cfg(test)]
    pub(crate) fn new(xs: &Tensor, weight: &Tensor, config: &Conv2dConfig) -> Result<Self> {
        let (images, channels, height, width) = dims4("input of conv2d", xs)?;
        Self::of_sizes([images, channels, height, width], weight, config)
    }

    /// Of images of these sizes.
    pub(crate) fn of_sizes(
        dims: [usize; 4],
        weight: &Tensor,
        config: &Conv2dConfig,
    ) -> Result<Self> {
        config.check()?;
        let [images, channels, height, width] = dims;
        let (out_channels, group_channels, kernel_height, kernel_width) =
            dims4("weight of conv2d", weight)?;
        positive("channels", channels)?;
        positive("out_channels", out_channels)?;
        if group_channels * config.groups != channels {
            return Err(Error::Shape {
                what: "input of conv2d",
                expected: format!("(N, {}, H, W)", group_channels * config.groups),
                found: dims.to_vec(),
            });
        }
        if out_channels % config.groups != 0 {
            return Err(Error::OutOfRange {
                field: "groups",
                value: config.groups,
                expected: format!("a divisor of the {out_channels} output channels"),
            });
        }
        Ok(Self {
            images,
            channels,
            height,
            width,
            out_channels,
            kernel_height,
            kernel_width,
            out_height: config.out_size(height, kernel_height)?,
            out_width: config.out_size(width, kernel_width)?,
            stride: config.stride,
            padding: config.padding,
            dilation: config.dilation,
        })
    }

    /// Patches of one image: pixels of one output channel.
    pub(crate) fn patches(&self) -> usize {
        self.out_height * self.out_width
    }

    /// `[N, O, H', W']`.
    pub(crate) fn out_dims(&self) -> [usize; 4] {
        [
            self.images,
            self.out_channels,
            self.out_height,
            self.out_width,
        ]
    }

    /// For the kernels.
    pub(crate) fn kernels(&self, groups: usize) -> Convolution {
        Convolution {
            images: self.images,
            channels: self.channels,
            height: self.height,
            width: self.width,
            out_channels: self.out_channels,
            kernel_height: self.kernel_height,
            kernel_width: self.kernel_width,
            out_height: self.out_height,
            out_width: self.out_width,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups,
            padded: false,
        }
    }
}

impl Conv2dConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("stride", self.stride)?;
        positive("dilation", self.dilation)?;
        positive("groups", self.groups)
    }

    /// The side of the output for a side of the input: `(size + 2p - d(k - 1) - 1)/s + 1`.
    ///
    /// # Errors
    /// When the kernel does not fit into the padded input.
    pub fn out_size(&self, size: usize, kernel: usize) -> Result<usize> {
        positive("kernel", kernel)?;
        let span = self.dilation * (kernel - 1) + 1;
        let padded = size + 2 * self.padding;
        if padded < span || size == 0 {
            return Err(Error::TooSmall {
                size,
                min_size: span.saturating_sub(2 * self.padding).max(1),
            });
        }
        Ok((padded - span) / self.stride + 1)
    }
}
