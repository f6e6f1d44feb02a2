//! Convolution by candle's operations: for other devices, and what the tests compare with.

use candle_core::{Device, Tensor};

use super::Conv2dConfig;
use super::geometry::Geometry;
use crate::error::Result;

/// candle's own convolution where its gradient is right, otherwise [`tap_by_tap`].
pub(crate) fn convolve(
    xs: &Tensor,
    weight: &Tensor,
    config: &Conv2dConfig,
    geometry: &Geometry,
) -> Result<Tensor> {
    if !candle_can(geometry) {
        return tap_by_tap(xs, weight, config, geometry);
    }
    Ok(xs.conv2d(
        weight,
        config.padding,
        config.stride,
        config.dilation,
        config.groups,
    )?)
}

/// Whether candle's backward pass takes these sizes: it pads width as much as height, by an amount
/// that must not be negative.
fn candle_can(geometry: &Geometry) -> bool {
    let unseen = |size: usize, out_size: usize, kernel: usize| {
        let seen = (out_size - 1) * geometry.stride + geometry.dilation * (kernel - 1) + 1;
        let seen = seen.checked_sub(2 * geometry.padding)?;
        size.checked_sub(seen)
    };
    let below = unseen(geometry.height, geometry.out_height, geometry.kernel_height);
    let right = unseen(geometry.width, geometry.out_width, geometry.kernel_width);
    below.is_some() && below == right
}

/// The sum over the kernel's taps of matrix products `(O, C) (C, pixels that the tap sees)`.
pub(super) fn tap_by_tap(
    xs: &Tensor,
    weight: &Tensor,
    config: &Conv2dConfig,
    geometry: &Geometry,
) -> Result<Tensor> {
    let padding = config.padding;
    let xs = xs.pad_with_zeros(2, padding, padding)?;
    let xs = xs.pad_with_zeros(3, padding, padding)?;
    let groups = config.groups;
    let (images, out_channels) = (geometry.images, geometry.out_channels);
    // (1, groups, O/groups, C/groups, h, w)
    let (group_outputs, group_inputs) = (out_channels / groups, geometry.channels / groups);
    let (height, width) = (geometry.kernel_height, geometry.kernel_width);
    let weight = weight.reshape((1, groups, group_outputs, group_inputs, height * width))?;
    let mut sum: Option<Tensor> = None;
    for y in 0..height {
        let rows = seen(y, geometry.out_height, config, xs.device())?;
        let rows = xs.index_select(&rows, 2)?;
        for x in 0..width {
            let columns = seen(x, geometry.out_width, config, xs.device())?;
            let pixels = rows.index_select(&columns, 3)?;
            let pixels = pixels.reshape((images, groups, group_inputs, geometry.patches()))?;
            let tap = weight.narrow(4, y * width + x, 1)?.squeeze(4)?;
            let product = tap.broadcast_matmul(&pixels)?;
            sum = Some(match sum {
                Some(sum) => (sum + product)?,
                None => product,
            });
        }
    }
    let shape = (
        images,
        out_channels,
        geometry.out_height,
        geometry.out_width,
    );
    match sum {
        Some(sum) => Ok(sum.reshape(shape)?),
        None => Ok(Tensor::zeros(shape, xs.dtype(), xs.device())?),
    }
}

/// Which padded pixels along one side a tap sees, one for each output.
fn seen(tap: usize, out_size: usize, config: &Conv2dConfig, device: &Device) -> Result<Tensor> {
    let pixels = (0..out_size).map(|out| (out * config.stride + tap * config.dilation) as u32);
    Ok(Tensor::from_vec(
        pixels.collect::<Vec<_>>(),
        out_size,
        device,
    )?)
}
