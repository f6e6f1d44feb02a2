//! The normalization, by the batch's statistics or by given ones.

use candle_core::{
    CpuStorage, CustomOp3, DType, Layout, Result as CandleResult, Shape, Tensor, WithDType,
};
use rayon::prelude::*;

use super::gradient::Gradients;
use super::statistics::Statistics;
use crate::cpu::{self, by_dtype, entries};
use crate::error::Result;

/// `weight (x - mean)/sqrt(var + eps) + bias`, with the gradient through the statistics if they are
/// the batch's.
pub(super) fn normalize(
    xs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    statistics: &Statistics,
    eps: f64,
) -> Result<Tensor> {
    if !cpu::serves(xs) {
        return plain(xs, weight, bias, statistics, eps);
    }
    let values = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.to_vec1::<f64>();
    let inv_std = values(&statistics.var)?.into_iter();
    let op = Normalize(Scale {
        mean: values(&statistics.mean)?,
        inv_std: inv_std.map(|var| 1. / (var + eps).sqrt()).collect(),
        of_batch: statistics.of_batch,
    });
    Ok(xs
        .contiguous()?
        .apply_op3(&weight.contiguous()?, &bias.contiguous()?, op)?)
}

/// By candle's operations: for other devices, and what the tests compare with.
pub(super) fn plain(
    xs: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    statistics: &Statistics,
    eps: f64,
) -> Result<Tensor> {
    let channel = |tensor: &Tensor| tensor.reshape((1, (), 1, 1));
    let std = (&statistics.var + eps)?.sqrt()?;
    let centered = xs.broadcast_sub(&channel(&statistics.mean)?)?;
    let scaled = centered.broadcast_mul(&channel(&weight.div(&std)?)?)?;
    Ok(scaled.broadcast_add(&channel(bias)?)?)
}

/// What each channel is centered and scaled by.
pub(super) struct Scale {
    pub(super) mean: Vec<f64>,
    pub(super) inv_std: Vec<f64>,
    pub(super) of_batch: bool,
}

/// `(x - mean) scale + shift` with numbers `[mean, scale, shift]` of its own for each channel.
fn affine<T: WithDType>(xs: &[T], ys: &mut [T], plane: usize, coefficients: &[[f64; 3]]) {
    let image = plane * coefficients.len();
    ys.par_chunks_mut(image)
        .zip(xs.par_chunks(image))
        .for_each(|(ys, xs)| {
            let planes = ys.chunks_exact_mut(plane).zip(xs.chunks_exact(plane));
            for ((ys, xs), coefficients) in planes.zip(coefficients) {
                let [mean, scale, shift] = coefficients.map(T::from_f64);
                for (y, x) in ys.iter_mut().zip(xs) {
                    *y = (*x - mean) * scale + shift;
                }
            }
        });
}

/// Arguments x `(N, C, H, W)`, weight and bias `(C,)`.
struct Normalize(Scale);

impl Normalize {
    fn forward<T: WithDType>(
        &self,
        (x, x_layout): (&CpuStorage, &Layout),
        (w, w_layout): (&CpuStorage, &Layout),
        (b, b_layout): (&CpuStorage, &Layout),
    ) -> CandleResult<(CpuStorage, Shape)> {
        let xs = entries::<T>(self.name(), x, x_layout)?;
        let weights = entries::<T>(self.name(), w, w_layout)?.iter();
        let biases = entries::<T>(self.name(), b, b_layout)?.iter();
        let Scale { mean, inv_std, .. } = &self.0;
        let coefficients: Vec<_> = weights
            .zip(biases)
            .zip(mean.iter().zip(inv_std))
            .map(|((w, b), (mean, inv_std))| [*mean, w.to_f64() * inv_std, b.to_f64()])
            .collect();
        let (_, _, height, width) = x_layout.shape().dims4()?;
        let mut ys = vec![T::zero(); xs.len()];
        affine(xs, &mut ys, height * width, &coefficients);
        Ok((T::to_cpu_storage_owned(ys), x_layout.shape().clone()))
    }
}

impl CustomOp3 for Normalize {
    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        by_dtype!(
            "batch_norm",
            x,
            self.forward((x, x_layout), (w, w_layout), (b, b_layout))
        )
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _ys: &Tensor,
        ys_gradient: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradients = Gradients::new(&self.0, xs, ys_gradient)?;
        let [to_weight, to_bias] = gradients.to_parameters(&self.0);
        let to_xs = match xs.track_op() {
            true => Some(gradients.to_input(&self.0, weight)?),
            false => None,
        };
        let like = |values, of: &Tensor| {
            Tensor::from_vec(values, of.shape(), of.device())?.to_dtype(of.dtype())
        };
        let (to_weight, to_bias) = (like(to_weight, weight)?, like(to_bias, bias)?);
        Ok((to_xs, Some(to_weight), Some(to_bias)))
    }
}
