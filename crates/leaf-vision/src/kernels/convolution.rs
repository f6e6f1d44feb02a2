//! One convolution with its gradients: which kernel runs, and on which packed weights.

use std::sync::Arc;

use super::direct::{Product, Source, Tap, Target, Weights};
use super::epilogue::Epilogue;
use super::pack::Order;
use super::packed::{Form, Weight, worth_keeping};
use super::plan::Plan;
use super::scratch::Scratch;
use super::simd::Isa;
use super::weight_gradient::{OutputGradient, WeightGradient};
use super::winograd;

/// A convolution of maps `(images, height, width, channels)`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub(crate) images: usize,
    pub(crate) channels: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) out_channels: usize,
    pub(crate) kernel_height: usize,
    pub(crate) kernel_width: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
    pub(crate) groups: usize,
    /// Whether the maps that are read have a border of `padding` zeros already. Then a row of the
    /// kernel is one contiguous piece, which is what makes few channels fast.
    pub(crate) padded: bool,
}

/// Channels from which the transformations of F(4x4, 3x3) cost less than they save.
const WINOGRAD_CHANNELS: usize = 32;

/// Transforming weights costs as much as the direct products of about that many output pixels.
const WINOGRAD_PIXELS: usize = 200;

/// The same where the transformed weights are kept, and several passes share them.
const KEPT_WINOGRAD_PIXELS: usize = 50;

/// Numbers of a block of packed weights: two registers, or one if that is enough.
fn block(isa: Isa, channels: usize) -> usize {
    match isa.lanes() {
        lanes if channels > lanes => 2 * lanes,
        lanes => lanes,
    }
}

impl Convolution {
    fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    fn group_inputs(&self) -> usize {
        self.channels / self.groups
    }

    fn group_outputs(&self) -> usize {
        self.out_channels / self.groups
    }

    fn weight_len(&self) -> usize {
        self.out_channels * self.group_inputs() * self.taps()
    }

    fn image_len(&self) -> usize {
        let border = if self.padded { 2 * self.padding } else { 0 };
        (self.height + border) * (self.width + border) * self.channels
    }

    /// Numbers of all inputs.
    pub(crate) fn input_len(&self) -> usize {
        self.images * self.image_len()
    }

    /// Numbers of all inputs without border.
    pub(crate) fn unpadded_input_len(&self) -> usize {
        self.images * self.height * self.width * self.channels
    }

    /// Numbers of all outputs.
    pub(crate) fn output_len(&self) -> usize {
        self.images * self.out_height * self.out_width * self.out_channels
    }

    /// Output pixels.
    fn pixels(&self) -> usize {
        self.images * self.out_height * self.out_width
    }

    /// Whether F(4x4, 3x3) is faster, if transforming the weights costs as much as the products of so
    /// many pixels.
    fn by_winograd(&self, plan: Plan, transformation: usize) -> bool {
        plan.winograd
            && (self.kernel_height, self.kernel_width) == (3, 3)
            && (self.stride, self.padding, self.dilation, self.groups) == (1, 1, 1, 1)
            && !self.padded
            && self.channels.min(self.out_channels) >= WINOGRAD_CHANNELS
            && self.pixels() > 4 * self.tiles() + transformation
    }

    /// The same for a product with the weights, which may be kept.
    fn product_by_winograd(&self, plan: Plan, order: &Order, width: usize) -> bool {
        let kept = worth_keeping(winograd::weights::len(order, width), self.pixels());
        let transformation = match kept {
            true => KEPT_WINOGRAD_PIXELS,
            false => WINOGRAD_PIXELS,
        };
        self.by_winograd(plan, transformation)
    }

    /// Transformed weights of F(4x4, 3x3).
    fn transformed(
        &self,
        isa: Isa,
        weight: Weight<'_>,
        (order, width, transposed): (&Order, usize, bool),
    ) -> Arc<Scratch> {
        let len = winograd::weights::len(order, width);
        let form = Form {
            transposed,
            winograd: true,
            width,
        };
        weight.packed(form, (len, self.pixels()), |packed| {
            winograd::weights::transform(isa, order, weight.values, width, transposed, packed);
        })
    }

    /// Packed weights of one group's direct products.
    fn packed(
        &self,
        isa: Isa,
        weight: Weight<'_>,
        (order, width, transposed): (&Order, usize, bool),
        group: usize,
    ) -> Arc<Scratch> {
        let len = self.weight_len() / self.groups;
        let values = &weight.values[group * len..][..len];
        let packed_len = order.packed_len(width);
        if self.groups > 1 {
            // Groups are many and small: their packed forms would be the larger part of the work.
            let mut packed = Scratch::take(packed_len);
            order.pack(isa, values, width, &mut packed);
            return Arc::new(packed);
        }
        let form = Form {
            transposed,
            winograd: false,
            width,
        };
        weight.packed(form, (packed_len, self.pixels()), |packed| {
            order.pack(isa, values, width, packed);
        })
    }

    /// Tiles of 4x4 outputs; each costs 36 products, four times those of one pixel.
    fn tiles(&self) -> usize {
        self.images * self.height.div_ceil(4) * self.width.div_ceil(4)
    }

    fn winograd_shape(&self, inputs: usize, outputs: usize) -> winograd::Shape {
        winograd::Shape {
            images: self.images,
            height: self.height,
            width: self.width,
            inputs,
            outputs,
        }
    }

    /// Where the taps read, for the output pixel whose source is (0, 0).
    fn forward_taps(&self) -> Vec<Tap> {
        if self.padded {
            let rows = 0..self.kernel_height;
            let tap = |row| Tap {
                y: row as isize,
                x: 0,
                weights: row,
            };
            return rows.map(tap).collect();
        }
        let place = |tap: usize| (tap * self.dilation) as isize - self.padding as isize;
        (0..self.taps())
            .map(|tap| Tap {
                y: place(tap / self.kernel_width),
                x: place(tap % self.kernel_width),
                weights: tap,
            })
            .collect()
    }

    fn source<'a>(&self, xs: &'a [f32], group: usize) -> Source<'a> {
        let border = if self.padded { 2 * self.padding } else { 0 };
        let taps = if self.padded { self.kernel_width } else { 1 };
        Source {
            data: xs,
            height: self.height + border,
            width: self.width + border,
            pitch: self.channels,
            offset: group * self.group_inputs(),
            run: taps * self.group_inputs(),
            step: self.stride,
        }
    }

    /// `ys = epilogue(weight * xs)`; the weight is `(O, C/groups, h, w)`.
    pub(crate) fn forward(
        &self,
        plan: Plan,
        xs: &[f32],
        weight: Weight<'_>,
        epilogue: &Epilogue<'_>,
        ys: &mut [f32],
    ) {
        assert_eq!(xs.len(), self.input_len());
        assert_eq!(weight.values.len(), self.weight_len());
        assert_eq!(ys.len(), self.output_len());
        let isa = plan.isa.for_channels(self.group_outputs());
        let width = block(isa, self.group_outputs());
        let order = Order::forward(self.group_outputs(), self.group_inputs(), self.taps());
        if self.product_by_winograd(plan, &order, width) {
            let shape = self.winograd_shape(self.channels, self.out_channels);
            let packed = self.transformed(isa, weight, (&order, width, false));
            return winograd::convolve(isa, &shape, xs, (&packed, width), epilogue, ys);
        }
        let taps = self.forward_taps();
        for group in 0..self.groups {
            let packed = self.packed(isa, weight, (&order, width, false), group);
            let first = group * self.group_outputs();
            let part = |all: &'_ [f32]| -> std::ops::Range<usize> { first..all.len() };
            let product = Product {
                source: self.source(xs, group),
                taps: &taps,
                weights: Weights {
                    data: &packed,
                    taps: taps.len(),
                    width,
                },
                target: Target {
                    images: self.images,
                    rows: self.out_height,
                    columns: self.out_width,
                    image_step: self.out_height * self.out_width * self.out_channels,
                    row_step: self.out_width * self.out_channels,
                    column_step: self.out_channels,
                    offset: first,
                    channels: self.group_outputs(),
                },
                epilogue: Epilogue {
                    scale: epilogue.scale.map(|all| &all[part(all)]),
                    shift: epilogue.shift.map(|all| &all[part(all)]),
                    ..*epilogue
                },
            };
            product.run(isa, ys);
        }
    }

    /// The inputs' gradient `(images, height, width, channels)`, without border.
    pub(crate) fn input_gradient(
        &self,
        plan: Plan,
        weight: Weight<'_>,
        dys: &[f32],
        dxs: &mut [f32],
    ) {
        assert_eq!(weight.values.len(), self.weight_len());
        assert_eq!(dys.len(), self.output_len());
        assert_eq!(dxs.len(), self.unpadded_input_len());
        let isa = plan.isa.for_channels(self.group_inputs());
        let width = block(isa, self.group_inputs());
        let order = Order::transposed(self.group_outputs(), self.group_inputs(), self.taps());
        if self.product_by_winograd(plan, &order, width) {
            let shape = self.winograd_shape(self.out_channels, self.channels);
            let packed = self.transformed(isa, weight, (&order, width, true));
            let packed = (&packed[..], width);
            return winograd::convolve(isa, &shape, dys, packed, &Epilogue::NONE, dxs);
        }
        for group in 0..self.groups {
            let packed = self.packed(isa, weight, (&order, width, true), group);
            for phase in 0..self.stride * self.stride {
                let (y, x) = (phase / self.stride, phase % self.stride);
                self.gradient_phase(isa, (y, x), group, (&packed, width), dys, dxs);
            }
        }
    }

    /// The gradient of the input pixels (stride i + y, stride j + x): each is seen by its own taps, so
    /// that nothing is multiplied by the zeros between the outputs.
    fn gradient_phase(
        &self,
        isa: Isa,
        (y, x): (usize, usize),
        group: usize,
        (packed, width): (&[f32], usize),
        dys: &[f32],
        dxs: &mut [f32],
    ) {
        if y >= self.height || x >= self.width {
            return;
        }
        let stride = self.stride as isize;
        // Which output a tap of the input pixel `phase` belongs to, if any.
        let place = |phase: usize, tap: usize| {
            let at = (phase + self.padding) as isize - (tap * self.dilation) as isize;
            (at.rem_euclid(stride) == 0).then(|| at.div_euclid(stride))
        };
        let taps: Vec<Tap> = (0..self.taps())
            .filter_map(|tap| {
                Some(Tap {
                    y: place(y, tap / self.kernel_width)?,
                    x: place(x, tap % self.kernel_width)?,
                    weights: tap,
                })
            })
            .collect();
        let row = self.width * self.channels;
        let product = Product {
            source: Source {
                data: dys,
                height: self.out_height,
                width: self.out_width,
                pitch: self.out_channels,
                offset: group * self.group_outputs(),
                run: self.group_outputs(),
                step: 1,
            },
            taps: &taps,
            weights: Weights {
                data: packed,
                taps: self.taps(),
                width,
            },
            target: Target {
                images: self.images,
                rows: (self.height - y).div_ceil(self.stride),
                columns: (self.width - x).div_ceil(self.stride),
                image_step: self.height * row,
                row_step: self.stride * row,
                column_step: self.stride * self.channels,
                offset: y * row + x * self.channels + group * self.group_inputs(),
                channels: self.group_inputs(),
            },
            epilogue: Epilogue::NONE,
        };
        product.run(isa, dxs);
    }

    /// The weight's gradient `(O, C/groups, h, w)`.
    pub(crate) fn weight_gradient(&self, plan: Plan, xs: &[f32], dys: &[f32], out: &mut [f32]) {
        assert_eq!(xs.len(), self.input_len());
        assert_eq!(dys.len(), self.output_len());
        assert_eq!(out.len(), self.weight_len());
        let isa = plan.isa.for_channels(self.group_outputs());
        let width = block(isa, self.group_outputs());
        let order = Order::forward(self.group_outputs(), self.group_inputs(), self.taps());
        let mut packed = Scratch::take(order.packed_len(width));
        if self.by_winograd(plan, WINOGRAD_PIXELS) {
            let shape = self.winograd_shape(self.channels, self.out_channels);
            winograd::weight_gradient(isa, &shape, xs, dys, width, &mut packed);
            return order.unpack(isa, &packed, width, out);
        }
        let taps = self.forward_taps();
        for (group, out) in out
            .chunks_exact_mut(self.weight_len() / self.groups)
            .enumerate()
        {
            let gradient = WeightGradient {
                source: self.source(xs, group),
                taps: &taps,
                gradient: OutputGradient {
                    data: dys,
                    images: self.images,
                    rows: self.out_height,
                    columns: self.out_width,
                    pitch: self.out_channels,
                    offset: group * self.group_outputs(),
                    channels: self.group_outputs(),
                },
                width,
            };
            gradient.run(isa, &mut packed);
            order.unpack(isa, &packed, width, out);
        }
    }
}
