//! The backward pass of the normalization on the processor.
//!
//! With `n = (x - mean)/std` and m values a channel, the gradient of x is
//! `weight/std (dy - sum(dy)/m - n sum(dy n)/m)`, and without the two sums if the statistics were
//! given.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::normalize::Scale;
use super::statistics::{planes, sum_by};
use crate::cpu::{by_dtype, entries};

/// Input, gradient of the output, and the two sums of each channel that all gradients need.
pub(super) struct Gradients {
    xs: Tensor,
    dys: Tensor,
    /// `sum(dy)`.
    sums: Vec<f64>,
    /// `sum(dy (x - mean))`.
    products: Vec<f64>,
}

impl Gradients {
    pub(super) fn new(scale: &Scale, xs: &Tensor, ys_gradient: &Tensor) -> Result<Self> {
        let dys = ys_gradient.contiguous()?;
        let sums = xs.apply_op2_no_bwd(&dys, &Sums { mean: &scale.mean })?;
        Ok(Self {
            xs: xs.clone(),
            dys,
            sums: sums.get(0)?.to_vec1()?,
            products: sums.get(1)?.to_vec1()?,
        })
    }

    /// The gradients of weight and bias.
    pub(super) fn to_parameters(&self, scale: &Scale) -> [Vec<f64>; 2] {
        let products = self.products.iter().zip(&scale.inv_std);
        [products.map(|(p, i)| p * i).collect(), self.sums.clone()]
    }

    /// The gradient of the input.
    pub(super) fn to_input(&self, scale: &Scale, weight: &Tensor) -> Result<Tensor> {
        let weights = weight.to_dtype(candle_core::DType::F64)?.to_vec1::<f64>()?;
        let count = (self.xs.elem_count() / weights.len()) as f64;
        let coefficients = weights.iter().enumerate().map(|(channel, weight)| {
            let inv_std = scale.inv_std[channel];
            let of_dy = weight * inv_std;
            if !scale.of_batch {
                return [of_dy, 0., 0.];
            }
            let of_x = -of_dy * inv_std * inv_std * self.products[channel] / count;
            let constant = -of_dy * self.sums[channel] / count - of_x * scale.mean[channel];
            [of_dy, of_x, constant]
        });
        let op = Combination(coefficients.collect());
        self.xs.apply_op2_no_bwd(&self.dys, &op)
    }
}

/// `sum(dy)` and `sum(dy (x - mean))` of each channel as `(2, C)` in f64.
struct Sums<'a> {
    mean: &'a [f64],
}

impl Sums<'_> {
    fn forward<T: WithDType>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let sizes = (channels, height * width);
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let sums = self.mean.par_iter().enumerate().map(|(channel, mean)| {
            let center = T::from_f64(*mean);
            let (mut sum, mut product) = (0., 0.);
            for (x, dy) in planes(xs, channel, sizes).zip(planes(dys, channel, sizes)) {
                sum += sum_by(dy, dy, |dy, _| dy);
                product += sum_by(x, dy, |x, dy| dy * (x - center));
            }
            (sum, product)
        });
        let (mut sums, products): (Vec<f64>, Vec<f64>) = sums.unzip();
        sums.extend(products);
        Ok((CpuStorage::F64(sums), (2, channels).into()))
    }
}

impl CustomOp2 for Sums<'_> {
    fn name(&self) -> &'static str {
        "batch norm's sums"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(
            "batch_norm",
            x,
            self.forward((x, x_layout), (dy, dy_layout))
        )
    }
}

/// `a dy + b x + c` with numbers `[a, b, c]` of its own for each channel.
struct Combination(Vec<[f64; 3]>);

impl Combination {
    fn forward<T: WithDType>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let (_, channels, height, width) = x_layout.shape().dims4()?;
        let plane = height * width;
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let mut dxs = vec![T::zero(); xs.len()];
        dxs.par_chunks_mut(channels * plane)
            .zip(xs.par_chunks(channels * plane))
            .zip(dys.par_chunks(channels * plane))
            .for_each(|((dxs, xs), dys)| {
                let inputs = xs.chunks_exact(plane).zip(dys.chunks_exact(plane));
                let planes = dxs.chunks_exact_mut(plane).zip(inputs);
                for ((dxs, (xs, dys)), coefficients) in planes.zip(&self.0) {
                    let [a, b, c] = coefficients.map(T::from_f64);
                    for (dx, (x, dy)) in dxs.iter_mut().zip(xs.iter().zip(dys)) {
                        *dx = a * *dy + (b * *x + c);
                    }
                }
            });
        Ok((T::to_cpu_storage_owned(dxs), x_layout.shape().clone()))
    }
}

impl CustomOp2 for Combination {
    fn name(&self) -> &'static str {
        "batch norm's input gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(
            "batch_norm",
            x,
            self.forward((x, x_layout), (dy, dy_layout))
        )
    }
}
