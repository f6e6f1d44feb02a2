//! The convolution in its three phases: tiles in, products, tiles out.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tiles::{Grid, Outputs, Points, input_tile, output_tile};
use super::transform::POINTS;
use super::{PART, Shape, TOGETHER};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::scratch::Scratch;
use crate::kernels::shared::Shared;
use crate::kernels::simd::Isa;
use crate::kernels::tile::{CHAIN, product};

/// Bytes of transformed tiles that one task keeps in its second cache when there are few channels.
const TASK_BYTES: usize = 1024 * 1024;

/// Bytes of transformed weights up to which each task goes through all of them.
const FEW_WEIGHTS: usize = 2560 * 1024;

/// The convolution of `xs` `(images, height, width, inputs)` with padding 1 and weights that
/// [`weights::transform`] made for blocks of `block` channels.
pub(crate) fn convolve(
    isa: Isa,
    shape: &Shape,
    xs: &[f32],
    (weights, block): (&[f32], usize),
    epilogue: &Epilogue<'_>,
    ys: &mut [f32],
) {
    let grid = shape.grid();
    let tiles = grid.tiles();
    let convolution = Convolution {
        shape,
        grid,
        xs,
        weights,
        block,
        outputs: Outputs {
            ys: Shared::new(ys),
            channels: shape.outputs,
            epilogue,
        },
    };
    if weights.len() * 4 <= FEW_WEIGHTS {
        let bytes = POINTS * 4 * (shape.inputs + shape.outputs);
        let chunk = (TASK_BYTES / bytes / 14 * 14)
            .max(14)
            .min(tiles.div_ceil(8).max(14));
        (0..tiles.div_ceil(chunk))
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let first = task * chunk;
                let count = chunk.min(tiles - first);
                let mut inputs = Scratch::take(POINTS * count * shape.inputs);
                let mut outputs = Scratch::take(POINTS * count * convolution.padded());
                isa.run(Phases {
                    convolution: &convolution,
                    first,
                    count,
                    inputs: &mut inputs,
                    outputs: &mut outputs,
                });
            });
        return;
    }
    let together = TOGETHER.min(tiles);
    let mut inputs = Scratch::take(POINTS * together * shape.inputs);
    let mut outputs = Scratch::take(POINTS * together * convolution.padded());
    for first in (0..tiles).step_by(together) {
        let count = together.min(tiles - first);
        convolution.in_phases(isa, first, count, &mut inputs, &mut outputs);
    }
}

struct Convolution<'a> {
    shape: &'a Shape,
    grid: Grid,
    xs: &'a [f32],
    weights: &'a [f32],
    /// Channels of a block of weights.
    block: usize,
    outputs: Outputs<'a>,
}

impl Convolution<'_> {
    /// Output channels with those that fill the last block.
    fn padded(&self) -> usize {
        self.shape.outputs.next_multiple_of(self.block)
    }

    /// The three phases one after the other, each spread over all threads.
    fn in_phases(
        &self,
        isa: Isa,
        first: usize,
        count: usize,
        inputs: &mut [f32],
        outputs: &mut [f32],
    ) {
        let (channels, padded) = (self.shape.inputs, self.padded());
        let shared = Shared::new(inputs);
        (0..count.div_ceil(PART)).into_par_iter().for_each(|part| {
            isa.run(InputTiles {
                convolution: self,
                first: first + part * PART,
                count: PART.min(count - part * PART),
                at: part * PART,
                step: count * channels,
                inputs: shared,
            });
        });
        let inputs = &*inputs;
        let blocks = padded / self.block;
        let groups = blocks.div_ceil(4);
        let shared = Shared::new(outputs);
        (0..POINTS * groups)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (point, group) = (task / groups, task % groups);
                isa.run(Products {
                    convolution: self,
                    point,
                    blocks: group * 4..blocks.min(group * 4 + 4),
                    inputs: &inputs[point * count * channels..][..count * channels],
                    outputs: shared,
                    count,
                });
            });
        let outputs = &*outputs;
        (0..count.div_ceil(PART)).into_par_iter().for_each(|part| {
            isa.run(OutputTiles {
                convolution: self,
                first: first + part * PART,
                count: PART.min(count - part * PART),
                outputs: &outputs[part * PART * padded..],
                step: count * padded,
            });
        });
    }
}

/// All three phases of some tiles on one thread.
struct Phases<'a> {
    convolution: &'a Convolution<'a>,
    first: usize,
    count: usize,
    inputs: &'a mut [f32],
    outputs: &'a mut [f32],
}

impl WithSimd for Phases<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            convolution,
            first,
            count,
            inputs,
            outputs,
        } = self;
        let (channels, padded) = (convolution.shape.inputs, convolution.padded());
        let input_tiles = InputTiles {
            convolution,
            first,
            count,
            at: 0,
            step: count * channels,
            inputs: Shared::new(inputs),
        };
        input_tiles.with_simd(simd);
        for (point, inputs) in inputs.chunks_exact(count * channels).enumerate() {
            let products = Products {
                convolution,
                point,
                blocks: 0..padded / convolution.block,
                inputs,
                outputs: Shared::new(outputs),
                count,
            };
            products.with_simd(simd);
        }
        let output_tiles = OutputTiles {
            convolution,
            first,
            count,
            outputs,
            step: count * padded,
        };
        output_tiles.with_simd(simd);
    }
}

/// The first phase: tiles `first..first + count` to rows `at..` of each point.
struct InputTiles<'a> {
    convolution: &'a Convolution<'a>,
    first: usize,
    count: usize,
    at: usize,
    step: usize,
    inputs: Shared<'a>,
}

impl WithSimd for InputTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (grid, channels) = (&self.convolution.grid, self.convolution.shape.inputs);
        for index in 0..self.count {
            let tile = grid.tile(self.first + index);
            let out = Points {
                out: self.inputs,
                at: (self.at + index) * channels,
                step: self.step,
            };
            input_tile(simd, grid, tile, (self.convolution.xs, channels), out);
        }
    }
}

/// The second phase: one point's product `(count, inputs) (inputs, block)` for some blocks.
struct Products<'a> {
    convolution: &'a Convolution<'a>,
    point: usize,
    blocks: std::ops::Range<usize>,
    inputs: &'a [f32],
    outputs: Shared<'a>,
    count: usize,
}

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (
            S::REGISTER_COUNT >= 32,
            self.convolution.block / S::F32_LANES,
        ) {
            (true, 2) => self.rows::<S, 14, 2>(simd),
            (true, _) => self.rows::<S, 14, 1>(simd),
            (false, 2) => self.rows::<S, 6, 2>(simd),
            (false, _) => self.rows::<S, 12, 1>(simd),
        }
    }
}

impl Products<'_> {
    #[inline(always)]
    fn rows<S: Simd, const M: usize, const V: usize>(&self, simd: S) {
        let (run, padded) = (self.convolution.shape.inputs, self.convolution.padded());
        let width = V * S::F32_LANES;
        let all = padded / width;
        for block in self.blocks.clone() {
            let weights = &self.convolution.weights[(self.point * all + block) * run * width..];
            let weights = &weights[..run * width];
            let mut row = 0;
            while row < self.count {
                // The last rows are computed together with some of those before, which come out the
                // same again: only this task writes them.
                let start = match self.count - row {
                    left if left < M => self.count.saturating_sub(M),
                    _ => row,
                };
                let place =
                    |m: usize| self.point * self.count * padded + m * padded + block * width;
                if self.count >= M {
                    let inputs = &self.inputs[start * run..][..M * run];
                    let mut out = [std::ptr::null_mut(); M];
                    for (m, out) in out.iter_mut().enumerate() {
                        *out = self.outputs.at(place(start + m), width);
                    }
                    chains::<S, M, V>(simd, inputs, weights, run, &out);
                    row = start + M;
                } else {
                    let inputs = &self.inputs[row * run..][..run];
                    let out = [self.outputs.at(place(row), width)];
                    chains::<S, 1, V>(simd, inputs, weights, run, &out);
                    row += 1;
                }
            }
        }
    }
}

/// M rows by a block of weights, in sums of bounded length.
#[inline(always)]
fn chains<S: Simd, const M: usize, const V: usize>(
    simd: S,
    rows: &[f32],
    weights: &[f32],
    run: usize,
    out: &[*mut f32; M],
) {
    let width = V * S::F32_LANES;
    for k in (0..run).step_by(CHAIN) {
        let mut from = [std::ptr::null(); M];
        for (m, from) in from.iter_mut().enumerate() {
            *from = rows[m * run + k..].as_ptr();
        }
        let length = CHAIN.min(run - k);
        let weights = weights[k * width..][..length * width].as_ptr();
        // SAFETY: rows have `run` numbers, weights `length width`; the outputs were checked when their
        // pointers were made.
        unsafe { product::<S, M, V>(simd, &[from][..], &[weights], length, out, k > 0) };
    }
}

/// The third phase.
struct OutputTiles<'a> {
    convolution: &'a Convolution<'a>,
    first: usize,
    count: usize,
    outputs: &'a [f32],
    step: usize,
}

impl WithSimd for OutputTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (grid, padded) = (&self.convolution.grid, self.convolution.padded());
        for index in 0..self.count {
            let tile = grid.tile(self.first + index);
            let products = (&self.outputs[index * padded..], self.step);
            output_tile(simd, grid, tile, products, &self.convolution.outputs);
        }
    }
}
