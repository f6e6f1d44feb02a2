//! Images as matrices of patches: the copy that turns a convolution into a matrix product.

use std::ops::Range;

use candle_core::WithDType;

use super::geometry::Geometry;

/// The entries of a patch, one a row of the matrix: channel and place in the kernel.
fn rows(geometry: &Geometry) -> impl Iterator<Item = (usize, usize, usize)> + use<> {
    let Geometry {
        channels,
        kernel_height,
        kernel_width,
        ..
    } = *geometry;
    (0..channels).flat_map(move |channel| {
        (0..kernel_height).flat_map(move |y| (0..kernel_width).map(move |x| (channel, y, x)))
    })
}

/// The outputs along one side whose input `out * stride + tap * dilation - padding` is inside the
/// image, and the first of these inputs.
fn inside(geometry: &Geometry, tap: usize, size: usize, out_size: usize) -> (Range<usize>, usize) {
    let Geometry {
        stride,
        padding,
        dilation,
        ..
    } = *geometry;
    let shift = tap * dilation;
    let start = padding.saturating_sub(shift).div_ceil(stride);
    let end = (size + padding).saturating_sub(shift).div_ceil(stride);
    let end = end.min(out_size);
    let start = start.min(end);
    (start..end, (start * stride + shift).saturating_sub(padding))
}

/// Copies the patches of one image into columns `at..at + patches` of a matrix
/// `(patch_len, columns)` that holds zeros there.
pub(super) fn gather<T: WithDType>(
    geometry: &Geometry,
    image: &[T],
    matrix: &mut [T],
    columns: usize,
    at: usize,
) {
    let (height, width, stride) = (geometry.height, geometry.width, geometry.stride);
    for ((channel, tap_y, tap_x), row) in rows(geometry).zip(matrix.chunks_exact_mut(columns)) {
        let plane = &image[channel * height * width..][..height * width];
        let row = &mut row[at..][..geometry.patches()];
        let (ys, first_y) = inside(geometry, tap_y, height, geometry.out_height);
        let (xs, first_x) = inside(geometry, tap_x, width, geometry.out_width);
        if xs.is_empty() {
            continue;
        }
        for (i, out_y) in ys.enumerate() {
            let source = &plane[(first_y + i * stride) * width + first_x..][..width - first_x];
            let target = &mut row[out_y * geometry.out_width..][xs.clone()];
            if stride == 1 {
                target.copy_from_slice(&source[..target.len()]);
            } else {
                for (t, s) in target.iter_mut().zip(source.iter().step_by(stride)) {
                    *t = *s;
                }
            }
        }
    }
}

/// Adds columns `at..at + patches` of a matrix `(patch_len, columns)` to the pixels that [`gather`]
/// copies there.
pub(super) fn scatter_add<T: WithDType>(
    geometry: &Geometry,
    matrix: &[T],
    columns: usize,
    at: usize,
    image: &mut [T],
) {
    let (height, width, stride) = (geometry.height, geometry.width, geometry.stride);
    for ((channel, tap_y, tap_x), row) in rows(geometry).zip(matrix.chunks_exact(columns)) {
        let plane = &mut image[channel * height * width..][..height * width];
        let row = &row[at..][..geometry.patches()];
        let (ys, first_y) = inside(geometry, tap_y, height, geometry.out_height);
        let (xs, first_x) = inside(geometry, tap_x, width, geometry.out_width);
        if xs.is_empty() {
            continue;
        }
        for (i, out_y) in ys.enumerate() {
            let target = &mut plane[(first_y + i * stride) * width + first_x..][..width - first_x];
            let source = &row[out_y * geometry.out_width..][xs.clone()];
            if stride == 1 {
                for (t, s) in target.iter_mut().zip(source) {
                    *t += *s;
                }
            } else {
                for (t, s) in target.iter_mut().step_by(stride).zip(source) {
                    *t += *s;
                }
            }
        }
    }
}
