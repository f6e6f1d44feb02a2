//! Max-pooling on the processor.

use std::ops::Range;
use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use crate::cpu::{by_dtype, entries};

/// The sizes of a pooling.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) out_height: usize,
    pub(super) out_width: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) padding: usize,
}

impl Window {
    fn plane_len(&self) -> usize {
        self.height * self.width
    }

    fn out_plane_len(&self) -> usize {
        self.out_height * self.out_width
    }

    /// The pixels along one side that an output's window covers.
    fn covers(&self, out: usize, size: usize) -> Range<usize> {
        let start = out * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel - self.padding).min(size)
    }

    /// The place of the largest pixel that an output's window covers: the first of equals, or the
    /// last that is no number.
    fn largest<T: WithDType>(&self, plane: &[T], out_y: usize, xs: Range<usize>) -> usize {
        let ys = self.covers(out_y, self.height);
        let mut best = ys.start * self.width + xs.start;
        for y in ys {
            for at in y * self.width + xs.start..y * self.width + xs.end {
                let value = plane[at];
                let is_nan = value.partial_cmp(&value).is_none();
                if value > plane[best] || is_nan {
                    best = at;
                }
            }
        }
        best
    }
}

/// The pooling; keeps where each output came from for the backward pass.
pub(super) struct MaxPool {
    window: Window,
    sources: OnceLock<Vec<u32>>,
}

impl MaxPool {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            sources: OnceLock::new(),
        }
    }

    fn forward<T: WithDType>(
        &self,
        x: &CpuStorage,
        layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let window = &self.window;
        let (images, channels, ..) = layout.shape().dims4()?;
        let xs = entries::<T>(self.name(), x, layout)?;
        let len = images * channels * window.out_plane_len();
        let (mut ys, mut sources) = (vec![T::zero(); len], vec![0u32; len]);
        ys.par_chunks_mut(window.out_plane_len())
            .zip(sources.par_chunks_mut(window.out_plane_len()))
            .zip(xs.par_chunks(window.plane_len()))
            .for_each(|((ys, sources), plane)| {
                for (i, (y, source)) in ys.iter_mut().zip(sources).enumerate() {
                    let (out_y, out_x) = (i / window.out_width, i % window.out_width);
                    let at = window.largest(plane, out_y, window.covers(out_x, window.width));
                    *y = plane[at];
                    *source = at as u32;
                }
            });
        // An operation runs once; a second run would find the same places.
        self.sources.get_or_init(|| sources);
        let shape = (images, channels, window.out_height, window.out_width);
        Ok((T::to_cpu_storage_owned(ys), shape.into()))
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        by_dtype!("max_pool2d", x, self.forward(x, layout))
    }

    fn bwd(&self, xs: &Tensor, _ys: &Tensor, ys_gradient: &Tensor) -> Result<Option<Tensor>> {
        let sources = self.sources.get().cloned().unwrap_or_default();
        let sources = Tensor::from_vec(sources, ys_gradient.shape(), xs.device())?;
        let gradient = ys_gradient
            .contiguous()?
            .apply_op2_no_bwd(&sources, &Unpool(self.window))?;
        Ok(Some(gradient))
    }
}

/// Adds each output's gradient to the pixel it came from.
struct Unpool(Window);

impl Unpool {
    fn forward<T: WithDType>(
        &self,
        (dy, dy_layout): (&CpuStorage, &Layout),
        (sources, sources_layout): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let window = &self.0;
        let (images, channels, ..) = dy_layout.shape().dims4()?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let sources = entries::<u32>(self.name(), sources, sources_layout)?;
        let mut dxs = vec![T::zero(); images * channels * window.plane_len()];
        dxs.par_chunks_mut(window.plane_len())
            .zip(dys.par_chunks(window.out_plane_len()))
            .zip(sources.par_chunks(window.out_plane_len()))
            .for_each(|((dxs, dys), sources)| {
                for (dy, source) in dys.iter().zip(sources) {
                    dxs[*source as usize] += *dy;
                }
            });
        let shape = (images, channels, window.height, window.width);
        Ok((T::to_cpu_storage_owned(dxs), shape.into()))
    }
}

impl CustomOp2 for Unpool {
    fn name(&self) -> &'static str {
        "max_pool2d's gradient"
    }

    fn cpu_fwd(
        &self,
        dy: &CpuStorage,
        dy_layout: &Layout,
        sources: &CpuStorage,
        sources_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        by_dtype!(
            "max_pool2d",
            dy,
            self.forward((dy, dy_layout), (sources, sources_layout))
        )
    }
}
