//! Max-pooling by candle's operations: for other devices, and what the tests compare with.

use candle_core::Tensor;

use super::window::Window;
use crate::error::Result;

/// The elementwise maximum over the kernel's taps of the pixels that each tap sees.
///
/// A tap beyond the border sees the border's pixel: that pixel is in the window anyway, since the
/// padding is at most half the kernel, so the maximum stays the same.
pub(crate) fn max_pool2d(xs: &Tensor, window: &Window) -> Result<Tensor> {
    let seen = |tap: usize, size: usize, out_size: usize| {
        let last = size - 1;
        let pixels = (0..out_size)
            .map(|out| (out * window.stride + tap).saturating_sub(window.padding))
            .map(|pixel| pixel.min(last) as u32);
        Tensor::from_vec(pixels.collect::<Vec<_>>(), out_size, xs.device())
    };
    let mut largest: Option<Tensor> = None;
    for y in 0..window.kernel {
        let rows = xs.index_select(&seen(y, window.height, window.out_height)?, 2)?;
        for x in 0..window.kernel {
            let pixels = rows.index_select(&seen(x, window.width, window.out_width)?, 3)?;
            largest = Some(match largest {
                Some(largest) => largest.maximum(&pixels)?,
                None => pixels,
            });
        }
    }
    // The kernel is at least 1.
    Ok(largest.unwrap_or_else(|| xs.clone()))
}
