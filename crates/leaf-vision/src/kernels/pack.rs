//! Weights from PyTorch's order `(O, I, h, w)` into the order in which the products read them, and
//! their gradients back.
//!
//! Packed weights are `(blocks, taps, run, width)`: a block holds `width` output channels side by
//! side, so that a register is filled by one load. Channels that do not fill the last block are 0.

use rayon::prelude::*;

use super::shared::Shared;

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
        if self.k_step == self.taps {
            for lane in 0..lanes {
                let from = &weight[lane * self.lane_step..][..count * self.taps];
                for (k, from) in from.chunks_exact(self.taps).enumerate() {
                    for (tap, value) in from.iter().enumerate() {
                        part[(tap * PART + k) * width + lane] = *value;
                    }
                }
            }
        } else {
            for k in 0..count {
                let from = &weight[k * self.k_step..][..lanes * self.taps];
                for (lane, from) in from.chunks_exact(self.taps).enumerate() {
                    for (tap, value) in from.iter().enumerate() {
                        part[(tap * PART + k) * width + lane] = *value;
                    }
                }
            }
        }
    }

    /// Packs everything into `(blocks, taps, run, width)`.
    pub(super) fn pack(&self, weight: &[f32], width: usize, packed: &mut [f32]) {
        assert_eq!(packed.len(), self.packed_len(width));
        let packed = Shared::new(packed);
        self.each_part(width, |part, block, k| {
            self.pack_part(weight, width, block, k, part);
            let count = PART.min(self.run - k) * width;
            for (tap, from) in part.chunks_exact(PART * width).enumerate() {
                let at = ((block * self.taps + tap) * self.run + k) * width;
                // SAFETY: each task has its own block and input channels.
                let to = unsafe { packed.part(at, count) };
                to.copy_from_slice(&from[..count]);
            }
        });
    }

    /// The inverse of [`Order::pack`] for [`Order::forward`]: a gradient `(blocks, taps, run, width)`
    /// into PyTorch's order.
    pub(super) fn unpack(&self, packed: &[f32], width: usize, weight: &mut [f32]) {
        assert_eq!(packed.len(), self.packed_len(width));
        assert_eq!(
            self.k_step, self.taps,
            "only convolutions have weight gradients"
        );
        let weight = Shared::new(weight);
        self.each_part(width, |_, block, k| {
            let lanes = width.min(self.lanes - block * width);
            let count = PART.min(self.run - k);
            for lane in 0..lanes {
                let at = (block * width + lane) * self.lane_step + k * self.taps;
                // SAFETY: each task has its own output and input channels.
                let to = unsafe { weight.part(at, count * self.taps) };
                for (i, to) in to.chunks_exact_mut(self.taps).enumerate() {
                    for (tap, to) in to.iter_mut().enumerate() {
                        *to = packed[((block * self.taps + tap) * self.run + k + i) * width + lane];
                    }
                }
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
                || vec![0f32; self.part_len(width)],
                |part, index| task(part, index / parts, index % parts * PART),
            );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_weights_are_found_where_the_products_look() {
        let (outputs, inputs, taps, width) = (11, 19, 6, 8);
        let weight: Vec<f32> = (0..outputs * inputs * taps).map(|i| i as f32).collect();
        let forward = Order::forward(outputs, inputs, taps);
        let transposed = Order::transposed(outputs, inputs, taps);
        for order in [forward, transposed] {
            let mut packed = vec![f32::NAN; order.packed_len(width)];
            order.pack(&weight, width, &mut packed);
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
                            assert_eq!(at.next(), Some(&wanted));
                        }
                    }
                }
            }
        }
        let mut packed = vec![0.; forward.packed_len(width)];
        forward.pack(&weight, width, &mut packed);
        let mut back = vec![0.; weight.len()];
        forward.unpack(&packed, width, &mut back);
        assert_eq!(back, weight);
    }
}
