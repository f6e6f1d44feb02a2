//! Mean and variance of each channel.

use candle_core::{
    CpuStorage, CustomOp1, Layout, Result as CandleResult, Shape, Tensor, Var, WithDType,
};
use rayon::prelude::*;

use crate::cpu::{self, by_dtype, entries};
use crate::error::Result;

/// What a batch norm normalizes by, both `(C,)`.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    pub(super) mean: Tensor,
    pub(super) var: Tensor,
    /// Whether they are the input's own, so that the gradient flows through them.
    pub(super) of_batch: bool,
}

impl Statistics {
    /// The running ones.
    pub(super) fn new(mean: &Var, var: &Var) -> Self {
        Self {
            mean: mean.as_detached_tensor(),
            var: var.as_detached_tensor(),
            of_batch: false,
        }
    }

    /// Those of a batch `(N, C, H, W)`: mean and biased variance. No graph where
    /// [`normalize`](super::normalize::normalize) has a backward pass of its own.
    pub(super) fn of(xs: &Tensor) -> Result<Self> {
        if !cpu::serves(xs) {
            return Self::plain(xs);
        }
        let moments = xs.contiguous()?.apply_op1_no_bwd(&Moments)?;
        Ok(Self {
            mean: moments.get(0)?,
            var: moments.get(1)?,
            of_batch: true,
        })
    }

    /// By candle's operations, with a graph.
    pub(super) fn plain(xs: &Tensor) -> Result<Self> {
        let mean = xs.mean_keepdim((0, 2, 3))?;
        let var = xs.broadcast_sub(&mean)?.sqr()?.mean((0, 2, 3))?;
        Ok(Self {
            mean: mean.flatten_all()?,
            var,
            of_batch: true,
        })
    }
}

/// The planes `(H W)` of one channel, one an image.
pub(super) fn planes<T>(
    values: &[T],
    channel: usize,
    (channels, plane): (usize, usize),
) -> impl Iterator<Item = &[T]> {
    values
        .chunks_exact(channels * plane)
        .map(move |image| &image[channel * plane..][..plane])
}

/// The sum of `f` over pairs, in lanes so that the compiler can use vectors; the lanes are added as
/// f64.
pub(super) fn sum_by<T: WithDType>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> f64 {
    const LANES: usize = 16;
    let mut lanes = [T::zero(); LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let rest: f64 = rest.map(|(a, b)| f(*a, *b).to_f64()).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += f(*a, *b);
        }
    }
    rest + lanes.iter().map(|lane| lane.to_f64()).sum::<f64>()
}

/// Mean and biased variance of each channel as `(2, C)`.
struct Moments;

impl Moments {
    fn forward<T: WithDType>(
        &self,
        x: &CpuStorage,
        layout: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        let (images, channels, height, width) = layout.shape().dims4()?;
        let xs = entries::<T>(self.name(), x, layout)?;
        let sizes = (channels, height * width);
        let count = (images * height * width) as f64;
        let moments = (0..channels).into_par_iter().map(|channel| {
            let sum: f64 = planes(xs, channel, sizes)
                .map(|x| sum_by(x, x, |x, _| x))
                .sum();
            let mean = sum / count;
            let center = T::from_f64(mean);
            let squares = planes(xs, channel, sizes);
            let squares = squares.map(|x| sum_by(x, x, |x, _| (x - center) * (x - center)));
            let squares: f64 = squares.sum();
            // The center was rounded: what it is off by must not count as spread.
            let off = mean - center.to_f64();
            (center, T::from_f64((squares / count - off * off).max(0.)))
        });
        let (mut means, vars): (Vec<T>, Vec<T>) = moments.unzip();
        means.extend(vars);
        Ok((T::to_cpu_storage_owned(means), (2, channels).into()))
    }
}

impl CustomOp1 for Moments {
    fn name(&self) -> &'static str {
        "batch norm's statistics"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        by_dtype!("batch_norm", x, self.forward(x, layout))
    }
}
