//! The sizes of a convolution.

use candle_core::Tensor;

use super::Conv2dConfig;
use crate::error::{Error, Result, dims4, positive};

/// The sizes of one convolution without channel groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) images: usize,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) out_channels: usize,
    pub(super) kernel_height: usize,
    pub(super) kernel_width: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
    pub(super) dilation: usize,
}

impl Geometry {
    /// Of images `(N, C, H, W)` and a weight `(O, C/groups, h, w)`; `channels` and `out_channels`
    /// are those of all groups together.
    pub(super) fn new(xs: &Tensor, weight: &Tensor, config: &Conv2dConfig) -> Result<Self> {
        config.check()?;
        let (images, channels, height, width) = dims4("input of conv2d", xs)?;
        let (out_channels, group_channels, kernel_height, kernel_width) =
            dims4("weight of conv2d", weight)?;
        positive("channels", channels)?;
        positive("out_channels", out_channels)?;
        if group_channels * config.groups != channels {
            return Err(Error::Shape {
                what: "input of conv2d",
                expected: format!("(N, {}, H, W)", group_channels * config.groups),
                found: xs.dims().to_vec(),
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

    /// Entries of one image.
    pub(super) fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Entries of one patch: a row of the weight.
    pub(super) fn patch_len(&self) -> usize {
        self.channels * self.kernel_height * self.kernel_width
    }

    /// Patches of one image: pixels of one output channel.
    pub(super) fn patches(&self) -> usize {
        self.out_height * self.out_width
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
