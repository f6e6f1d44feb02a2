//! The convolution on the processor: matrix products of patches, some images at a time.
//!
//! candle's own backward pass goes through a transposed convolution of the whole batch and takes
//! many times as long.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::geometry::Geometry;
use super::matrix::{Left, multiply, multiply_transposed, row_len, zeros};
use super::number::Number;
use super::patches::{gather, scatter_add};
use crate::cpu::{by_dtype, entries};

/// Images are taken together until their patches fill this many columns, so that the matrices of
/// deep layers, where maps are small, are not too narrow. A constant: sums must not depend on the
/// number of threads.
const COLUMNS: usize = 256;

/// `y = w * x`: arguments x `(N, C, H, W)` and w `(O, C, h, w)`.
pub(super) struct Convolution(pub(super) Geometry);

/// The gradient of the images: arguments w and the gradient of y.
struct ImageGradient(Geometry);

/// The gradient of the weight: arguments x and the gradient of y.
struct WeightGradient(Geometry);

impl Geometry {
    /// How many images are taken together.
    fn together(&self) -> usize {
        COLUMNS.div_ceil(self.patches()).min(self.images).max(1)
    }

    /// Entries of one image of the output.
    fn out_image_len(&self) -> usize {
        self.out_channels * self.patches()
    }

    /// The length of a row of a patch matrix.
    fn row_len(&self) -> usize {
        row_len(self.together() * self.patches())
    }

    /// A matrix `(rows, columns)` of zeros for the images that are taken together.
    fn matrix<T: Number>(&self, rows: usize) -> Vec<T> {
        zeros(rows, self.row_len())
    }

    /// Copies the patches of some images into a matrix `(patch_len, images * patches)`, which holds
    /// zeros or the patches of other images.
    fn gather_all<T: Number>(&self, images: &[T], matrix: &mut [T]) {
        for (i, image) in images.chunks_exact(self.image_len()).enumerate() {
            gather(self, image, matrix, self.row_len(), i * self.patches());
        }
    }

    /// Copies outputs `(images, O, patches)` into a matrix `(O, images * patches)`.
    fn channels_together<T: Number>(&self, outputs: &[T], matrix: &mut [T]) {
        for (i, plane) in outputs.chunks_exact(self.patches()).enumerate() {
            let at = self.place_of_plane(i);
            matrix[at..at + self.patches()].copy_from_slice(plane);
        }
    }

    /// Copies a matrix `(O, images * patches)` into outputs `(images, O, patches)`.
    fn channels_apart<T: Number>(&self, matrix: &[T], outputs: &mut [T]) {
        for (i, plane) in outputs.chunks_exact_mut(self.patches()).enumerate() {
            let at = self.place_of_plane(i);
            plane.copy_from_slice(&matrix[at..at + self.patches()]);
        }
    }

    /// Where the i-th plane of outputs `(images, O, patches)` begins in `(O, images * patches)`.
    fn place_of_plane(&self, i: usize) -> usize {
        let (image, channel) = (i / self.out_channels, i % self.out_channels);
        channel * self.row_len() + image * self.patches()
    }
}

impl Convolution {
    fn forward<T: Number>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (w, w_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let weight = entries::<T>(self.name(), w, w_layout)?;
        let (rows, inner) = (g.out_channels, g.patch_len());
        let weight = Left::new((rows, inner), |row, column| weight[row * inner + column]);
        let mut ys = vec![T::zero(); g.images * g.out_image_len()];
        ys.par_chunks_mut(g.together() * g.out_image_len())
            .zip(xs.par_chunks(g.together() * g.image_len()))
            .for_each_init(
                || (g.matrix(inner), g.matrix(rows)),
                |(patches, outputs), (ys, xs)| {
                    g.gather_all(xs, patches);
                    multiply(&weight, patches, outputs, g.row_len());
                    g.channels_apart(outputs, ys);
                },
            );
        let shape = (g.images, rows, g.out_height, g.out_width);
        Ok((T::to_cpu_storage_owned(ys), shape.into()))
    }
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!("conv2d", x, self.forward((x, x_layout), (w, w_layout)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        _y: &Tensor,
        y_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        // An input that no variable stands behind, such as the images, needs no gradient.
        let dy = y_gradient.contiguous()?;
        let dx = match x.track_op() {
            true => Some(w.apply_op2_no_bwd(&dy, &ImageGradient(self.0))?),
            false => None,
        };
        let dw = match w.track_op() {
            true => Some(x.apply_op2_no_bwd(&dy, &WeightGradient(self.0))?),
            false => None,
        };
        Ok((dx, dw))
    }
}

impl ImageGradient {
    fn forward<T: Number>(
        &self,
        (w, w_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let weight = entries::<T>(self.name(), w, w_layout)?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let (rows, inner) = (g.patch_len(), g.out_channels);
        let weight = Left::new((rows, inner), |row, column| weight[column * rows + row]);
        let mut dxs = vec![T::zero(); g.images * g.image_len()];
        dxs.par_chunks_mut(g.together() * g.image_len())
            .zip(dys.par_chunks(g.together() * g.out_image_len()))
            .for_each_init(
                || (g.matrix(rows), g.matrix(inner)),
                |(patches, outputs), (dxs, dys)| {
                    g.channels_together(dys, outputs);
                    multiply(&weight, outputs, patches, g.row_len());
                    for (i, dx) in dxs.chunks_exact_mut(g.image_len()).enumerate() {
                        scatter_add(g, patches, g.row_len(), i * g.patches(), dx);
                    }
                },
            );
        let shape = (g.images, g.channels, g.height, g.width);
        Ok((T::to_cpu_storage_owned(dxs), shape.into()))
    }
}

impl CustomOp2 for ImageGradient {
    fn name(&self) -> &'static str {
        "conv2d's image gradient"
    }

    fn cpu_fwd(
        &self,
        w: &CpuStorage,
        w_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!("conv2d", w, self.forward((w, w_layout), (dy, dy_layout)))
    }
}

impl WeightGradient {
    fn forward<T: Number>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let (rows, columns) = (g.out_channels, g.patch_len());
        let parts = xs
            .par_chunks(g.together() * g.image_len())
            .zip(dys.par_chunks(g.together() * g.out_image_len()))
            .map_init(
                || (g.matrix(columns), g.matrix(rows)),
                |(patches, outputs), (xs, dys)| {
                    // The last images may be fewer; what is left of others must count as 0.
                    outputs.fill(T::zero());
                    g.gather_all(xs, patches);
                    g.channels_together(dys, outputs);
                    let mut part = vec![T::zero(); rows * columns];
                    multiply_transposed(outputs, patches, &mut part, columns, g.row_len());
                    part
                },
            );
        // Added in the order of the images, whichever thread was first.
        let mut sum = vec![T::zero(); rows * columns];
        for part in parts.collect::<Vec<Vec<T>>>() {
            for (s, p) in sum.iter_mut().zip(part) {
                *s += p;
            }
        }
        let shape = (rows, g.channels, g.kernel_height, g.kernel_width);
        Ok((T::to_cpu_storage_owned(sum), shape.into()))
    }
}

impl CustomOp2 for WeightGradient {
    fn name(&self) -> &'static str {
        "conv2d's weight gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!("conv2d", x, self.forward((x, x_layout), (dy, dy_layout)))
    }
}
