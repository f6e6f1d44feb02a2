//! Weights from PyTorch's order `(O, I, h, w)` into the order in which the products read them, and
//! their gradients back.
//!
//! Packed weights are `(blocks, taps, run, width)`: a block holds `width` output channels side by
//! side, so that a register is filled by one load. Channels that do not fill the last block are 0.

use rayon::prelude::*;

use super::shared::Shared;
use super::simd::Isa;
use super::transpose::{SIDE, transpose};

/// How weights lie in memory, seen from the products: entry (lane, k, tap) is at
/// `lane lane_step + k k_step + tap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Output channels of the product.
    pub(super) lanes: usize,
    pub(super) lane_step: usize,
    /// Input channels of the product.
    pub(super) run: usize,
    pub(super) k_step: usize,
    pub(super) taps: usize,
}

/// Input channels that are packed at a time: the part stays in the first cache.
pub(super) const PART: usize = 16;

impl Order {
    /// Of a weight `(outputs, inputs, taps)` for a convolution.
    pub(super) fn forward(outputs: usize, inputs: usize, taps: usize) -> Self {
        Self {
            lanes: outputs,
            lane_step: inputs * taps,
            run: inputs,
            k_step: taps,
            taps,
        }
    }

    /// Of the same weight for the image gradient, where inputs and outputs change places.
    pub(super) fn transposed(outputs: usize, inputs: usize, taps: usize) -> Self {
        Self {
            lanes: inputs,
            lane_step: taps,
            run: outputs,
            k_step: inputs * taps,
            taps,
        }
    }

    pub(super) fn blocks(&self, width: usize) -> usize {
        self.lanes.div_ceil(width)
    }

    /// Numbers of all packed weights.
    pub(super) fn packed_len(&self, width: usize) -> usize {
        self.blocks(width) * self.taps * self.run * width
    }

    /// Numbers of one part: `(taps, PART, width)`.
    pub(super) fn part_len(&self, width: usize) -> usize {
        self.taps * PART * width
    }

    /// Copies input channels `k..k + PART` (or to the end) of one block into `(taps, PART, width)`.
    pub(super) fn pack_part(
        &self,
        isa: Isa,
        weight: &[f32],
        width: usize,
        block: usize,
        k: usize,
        part: &mut [f32],
    ) {
        let lanes = width.min(self.lanes - block * width);
        let count = PART.min(self.run - k);
        if lanes < width || count < PART {
            part.fill(0.);
        }
        let weight = &weight[block * width * self.lane_step + k * self.k_step..];
        let mut lane = 0;
        while lane < lanes {
            let whole = lanes - lane >= SIDE && count == PART;
            let from = &weight[lane * self.lane_step..];
            let done = match self.k_step == self.taps {
                true if whole => self.pack_rows(isa, from, width, &mut part[lane..]),
                false if whole => self.pack_columns(isa, from, width, &mut part[lane..]),
                _ => 0,
            };
            let lanes = if whole { SIDE } else { 1 };
            self.pack_rest(from, (width, lanes, count), done, &mut part[lane..]);
            lane += lanes;
        }
    }

    /// Entry (k, tap) of a part that is counted as it lies in PyTorch's order, `k taps + tap`.
    fn row(&self, index: usize, width: usize) -> usize {
        (index % self.taps * PART + index / self.taps) * width
    }

    /// [`SIDE`] lanes, each a row of PyTorch's order; how many entries of each were copied.
    fn pack_rows(&self, isa: Isa, from: &[f32], width: usize, part: &mut [f32]) -> usize {
        let from_at = std::array::from_fn(|lane| lane * self.lane_step);
        let entries = PART * self.taps;
        for index in (0..entries).step_by(SIDE) {
            let to_at = std::array::from_fn(|i| self.row(index + i, width));
            transpose(isa, (&from[index..], &from_at), (part, &to_at));
        }
        entries
    }

    /// [`SIDE`] lanes of each input channel, side by side in PyTorch's order with all their taps; how
    /// many taps were copied of each.
    fn pack_columns(&self, isa: Isa, from: &[f32], width: usize, part: &mut [f32]) -> usize {
        // A row of 16 numbers begins at each lane's first tap: it must not reach beyond the weights.
        if !(4..=SIDE).contains(&self.taps) {
            return 0;
        }
        let mut columns = [0.; SIDE * SIDE];
        let from_at = std::array::from_fn(|lane| lane * self.taps);
        let to_at = std::array::from_fn(|tap| tap * SIDE);
        let needed = (SIDE - 1) * self.taps + SIDE;
        for k in 0..PART {
            let from = &from[k * self.k_step..];
            let mut last = [0.; SIDE * SIDE + SIDE];
            let from = match from.len() >= needed {
                true => from,
                false => {
                    last[..SIDE * self.taps].copy_from_slice(&from[..SIDE * self.taps]);
                    &last[..]
                }
            };
            transpose(isa, (from, &from_at), (&mut columns, &to_at));
            for (tap, lanes) in columns.chunks_exact(SIDE).take(self.taps).enumerate() {
                part[(tap * PART + k) * width..][..SIDE].copy_from_slice(lanes);
            }
        }
        self.taps
    }

    /// What is left of some lanes, number by number.
    fn pack_rest(
        &self,
        from: &[f32],
        (width, lanes, count): (usize, usize, usize),
        done: usize,
        part: &mut [f32],
    ) {
        if done > 0 {
            return;
        }
        for lane in 0..lanes {
            for k in 0..count {
                let from = &from[lane * self.lane_step + k * self.k_step..][..self.taps];
                for (tap, value) in from.iter().enumerate() {
                    part[(tap * PART + k) * width + lane] = *value;
                }
            }
        }
    }

    /// Packs everything into `(blocks, taps, run, width)`.
    pub(super) fn pack(&self, isa: Isa, weight: &[f32], width: usize, packed: &mut [f32]) {
        assert_eq!(packed.len(), self.packed_len(width));
        let packed = Shared::new(packed);
        self.each_part(width, |part, block, k| {
            self.pack_part(isa, weight, width, block, k, part);
            let count = PART.min(self.run - k) * width;
            let taps = part.chunks_exact(PART * width).take(self.taps);
            for (tap, from) in taps.enumerate() {
                let at = ((block * self.taps + tap) * self.run + k) * width;
                // SAFETY: each task has its own block and input channels.
                let to = unsafe { packed.part(at, count) };
                to.copy_from_slice(&from[..count]);
            }
        });
    }

    /// The inverse of [`Order::pack`] for [`Order::forward`]: a gradient `(blocks, taps, run, width)`
    /// into PyTorch's order.
    pub(super) fn unpack(&self, isa: Isa, packed: &[f32], width: usize, weight: &mut [f32]) {
        assert_eq!(packed.len(), self.packed_len(width));
        assert_eq!(
            self.k_step, self.taps,
            "only convolutions have weight gradients"
        );
        let weight = Shared::new(weight);
        self.each_part(width, |rows, block, k| {
            let lanes = width.min(self.lanes - block * width);
            let entries = PART.min(self.run - k) * self.taps;
            let packed = &packed[(block * self.taps * self.run + k) * width..];
            // Where entry (k, tap), counted in PyTorch's order, lies in the block.
            let place = |index: usize| (index % self.taps * self.run + index / self.taps) * width;
            let mut lane = 0;
            while lane < lanes {
                let count = SIDE.min(lanes - lane);
                let whole = entries / SIDE * if count == SIDE { SIDE } else { 0 };
                let to_at = std::array::from_fn(|lane| lane * entries);
                for index in (0..whole).step_by(SIDE) {
                    let from_at = std::array::from_fn(|i| place(index + i));
                    transpose(
                        isa,
                        (&packed[lane..], &from_at),
                        (&mut rows[index..], &to_at),
                    );
                }
                for index in whole..entries {
                    for (i, value) in packed[place(index) + lane..][..count].iter().enumerate() {
                        rows[i * entries + index] = *value;
                    }
                }
                for (i, row) in rows.chunks_exact(entries).take(count).enumerate() {
                    let at = (block * width + lane + i) * self.lane_step + k * self.taps;
                    // SAFETY: each task has its own output and input channels.
                    unsafe { weight.part(at, entries) }.copy_from_slice(row);
                }
                lane += count;
            }
        });
    }

    /// Calls `task(part, block, k)` for each part of each block, in parallel.
    pub(super) fn each_part(&self, width: usize, task: impl Fn(&mut [f32], usize, usize) + Sync) {
        let parts = self.run.div_ceil(PART);
        (0..self.blocks(width) * parts)
            .into_par_iter()
            .with_min_len(2)
            .for_each_init(
                || vec![0f32; self.part_len(width.max(SIDE))],
                |part, index| task(part, index / parts, index % parts * PART),
            );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::simd::InstructionSet;

    fn check(isa: Isa, (outputs, inputs, taps, width): (usize, usize, usize, usize)) {
        let weight: Vec<f32> = (0..outputs * inputs * taps).map(|i| i as f32).collect();
        let forward = Order::forward(outputs, inputs, taps);
        let transposed = Order::transposed(outputs, inputs, taps);
        for order in [forward, transposed] {
            let mut packed = vec![f32::NAN; order.packed_len(width)];
            order.pack(isa, &weight, width, &mut packed);
            let mut at = packed.iter();
            for block in 0..order.blocks(width) {
                for tap in 0..taps {
                    for k in 0..order.run {
                        for lane in block * width..(block + 1) * width {
                            let place = lane * order.lane_step + k * order.k_step + tap;
                            let wanted = if lane < order.lanes {
                                weight[place]
                            } else {
                                0.
                            };
                            assert_eq!(at.next(), Some(&wanted), "{order:?} {isa:?}");
                        }
                    }
                }
            }
        }
        let mut packed = vec![0.; forward.packed_len(width)];
        forward.pack(isa, &weight, width, &mut packed);
        let mut back = vec![0.; weight.len()];
        forward.unpack(isa, &packed, width, &mut back);
        assert_eq!(back, weight);
    }

    #[test]
    fn packed_weights_are_found_where_the_products_look() {
        for isa in InstructionSet::available().into_iter().filter_map(Isa::of) {
            for sizes in [
                (11, 19, 6, 8),
                (64, 32, 9, 32),
                (40, 33, 9, 16),
                (32, 3, 49, 32),
                (48, 16, 1, 32),
                (7, 64, 25, 4),
                (17, 16, 4, 32),
            ] {
                check(isa, sizes);
            }
        }
    }
}
