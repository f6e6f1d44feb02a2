//! The convolution on the processor: matrix products of patches, some images at a time.
//!
//! candle's own backward pass goes through a transposed convolution of the whole batch and takes
//! several times as long.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::geometry::Geometry;
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
        COLUMNS.div_ceil(self.patches().max(1)).max(1)
    }

    fn out_image_len(&self) -> usize {
        self.out_channels * self.patches()
    }

    /// The patches of some images as a matrix `(patch_len, images * patches)`.
    fn patch_matrix<T: WithDType>(&self, images: &[T]) -> CpuStorage {
        let columns = images.len() / self.image_len() * self.patches();
        let mut matrix = vec![T::zero(); self.patch_len() * columns];
        for (i, image) in images.chunks_exact(self.image_len()).enumerate() {
            gather(self, image, &mut matrix, columns, i * self.patches());
        }
        T::to_cpu_storage_owned(matrix)
    }

    /// Outputs `(images, O, patches)` as a matrix `(O, images * patches)`.
    fn channel_matrix<T: WithDType>(&self, outputs: &[T]) -> CpuStorage {
        let patches = self.patches();
        let images = outputs.len() / self.out_image_len();
        let mut matrix = Vec::with_capacity(outputs.len());
        for channel in 0..self.out_channels {
            for image in 0..images {
                let at = (image * self.out_channels + channel) * patches;
                matrix.extend_from_slice(&outputs[at..at + patches]);
            }
        }
        T::to_cpu_storage_owned(matrix)
    }
}

impl Convolution {
    fn forward<T: WithDType>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (w, w_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let (rows, inner, patches) = (g.out_channels, g.patch_len(), g.patches());
        let w_layout = Layout::contiguous_with_offset((rows, inner), w_layout.start_offset());
        let mut ys = vec![T::zero(); g.images * g.out_image_len()];
        ys.par_chunks_mut(g.together() * g.out_image_len())
            .zip(xs.par_chunks(g.together() * g.image_len()))
            .try_for_each(|(ys, xs)| -> Result<()> {
                let columns = xs.len() / g.image_len() * patches;
                let product = w.matmul(
                    &g.patch_matrix(xs),
                    (1, rows, columns, inner),
                    &w_layout,
                    &Layout::contiguous((inner, columns)),
                )?;
                let product = T::cpu_storage_as_slice(&product)?;
                for (i, y) in ys.chunks_exact_mut(patches).enumerate() {
                    let (image, channel) = (i / rows, i % rows);
                    y.copy_from_slice(&product[channel * columns + image * patches..][..patches]);
                }
                Ok(())
            })?;
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
        // No graph of the gradients is wanted, and an input without a variable needs none.
        let y_gradient = y_gradient.contiguous()?;
        let x_gradient = match x.track_op() {
            true => Some(w.apply_op2_no_bwd(&y_gradient, &ImageGradient(self.0))?),
            false => None,
        };
        let w_gradient = match w.track_op() {
            true => Some(x.apply_op2_no_bwd(&y_gradient, &WeightGradient(self.0))?),
            false => None,
        };
        Ok((x_gradient, w_gradient))
    }
}

impl ImageGradient {
    fn forward<T: WithDType>(
        &self,
        (w, w_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let (rows, inner) = (g.patch_len(), g.out_channels);
        let w_layout = Layout::contiguous_with_offset((inner, rows), w_layout.start_offset())
            .transpose(0, 1)?;
        let mut dxs = vec![T::zero(); g.images * g.image_len()];
        dxs.par_chunks_mut(g.together() * g.image_len())
            .zip(dys.par_chunks(g.together() * g.out_image_len()))
            .try_for_each(|(dxs, dys)| -> Result<()> {
                let columns = dys.len() / inner;
                let patches = w.matmul(
                    &g.channel_matrix(dys),
                    (1, rows, columns, inner),
                    &w_layout,
                    &Layout::contiguous((inner, columns)),
                )?;
                let patches = T::cpu_storage_as_slice(&patches)?;
                for (i, dx) in dxs.chunks_exact_mut(g.image_len()).enumerate() {
                    scatter_add(g, patches, columns, i * g.patches(), dx);
                }
                Ok(())
            })?;
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
    fn forward<T: WithDType>(
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
            .map(|(xs, dys)| {
                let inner = dys.len() / rows;
                let part = g.channel_matrix(dys).matmul(
                    &g.patch_matrix(xs),
                    (1, rows, columns, inner),
                    &Layout::contiguous((rows, inner)),
                    &Layout::contiguous((columns, inner)).transpose(0, 1)?,
                )?;
                T::cpu_storage_data(part)
            })
            .collect::<Result<Vec<_>>>()?;
        // In the order of the images, whichever thread was first.
        let mut sum = vec![T::zero(); rows * columns];
        for part in parts {
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
