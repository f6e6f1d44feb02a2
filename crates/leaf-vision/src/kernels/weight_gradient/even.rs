//! Sums over rows of pixels at equal distances: where few channels are read, listing for each tap which
//! pixels it sees takes longer than the products.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::direct::{Band, Tap, View, pieces};
use super::super::tile::Listed;
use super::{BAND, OutputGradient, WeightGradient, channels_of};

/// Some rows of outputs, counted over all images, and one block of output channels.
pub(super) struct Task<'a> {
    pub(super) all: &'a WeightGradient<'a>,
    pub(super) rows: Range<usize>,
    pub(super) block: usize,
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::REGISTER_COUNT >= 32, self.all.width / S::F32_LANES) {
            (true, 2) => self.sums::<S, 12, 2>(simd),
            (false, 2) => self.sums::<S, 4, 2>(simd),
            _ => self.sums::<S, 12, 1>(simd),
        }
    }
}

impl Task<'_> {
    #[inline(always)]
    fn sums<S: Simd, const M: usize, const V: usize>(self, simd: S) {
        let WeightGradient {
            source,
            taps,
            gradient,
            width,
        } = self.all;
        let mut band = Band::new(*source, taps, gradient.rows, gradient.columns);
        let at_once = (BAND / gradient.columns).clamp(1, band.rows_at_once());
        let mut panel = Panel::new(gradient, self.block * width, *width, at_once);
        let mut offsets = Vec::new();
        for (image, rows) in pieces(self.rows.clone(), gradient.rows, at_once) {
            let dy = panel.rows(image * gradient.rows + rows.start, rows.len());
            let view = band.view(image, rows.clone());
            list(
                &view,
                gradient.columns,
                rows.len(),
                panel.step,
                &mut offsets,
            );
            let mut out = &mut self.out[..];
            for (first, run) in joined(taps, &view, source.run) {
                let (here, rest) = out.split_at_mut(run * width);
                out = rest;
                let reach = view.tap(first) + run;
                let pairs = Listed {
                    x: view
                        .output(0, rows.len(), gradient.columns, reach)
                        .wrapping_add(view.tap(first)),
                    dy,
                    offsets: &offsets,
                };
                // SAFETY: the view has checked the last read of x; the panel's rows have `width`
                // numbers.
                unsafe { channels_of::<S, M, V>(simd, pairs, run, here) };
            }
        }
    }
}

/// Neighboring taps whose numbers follow each other in the source, as they do in the weights: the first
/// of them, and how many numbers they have together.
fn joined<'a>(
    taps: &'a [Tap],
    view: &View<'_>,
    run: usize,
) -> impl Iterator<Item = (&'a Tap, usize)> {
    let follows = move |pair: [usize; 2]| pair[1] == pair[0] + run;
    let places: Vec<usize> = taps.iter().map(|tap| view.tap(tap)).collect();
    let mut next = 0;
    std::iter::from_fn(move || {
        let first = next;
        let tap = taps.get(first)?;
        next += 1;
        while next < taps.len() && follows([places[next - 1], places[next]]) {
            next += 1;
        }
        Some((tap, (next - first) * run))
    })
}

/// Where each output of some rows reads, and its gradient.
fn list(
    view: &View<'_>,
    columns: usize,
    rows: usize,
    step: usize,
    offsets: &mut Vec<(usize, usize)>,
) {
    offsets.clear();
    for row in 0..rows {
        let first = row * view.row_step();
        let here = (0..columns).map(|column| {
            (
                first + column * view.step(),
                (row * columns + column) * step,
            )
        });
        offsets.extend(here);
    }
}

/// Rows of the output's gradient, of one block of channels: in place if it is whole, otherwise copied
/// with zeros behind them.
struct Panel<'a> {
    gradient: &'a OutputGradient<'a>,
    channel: usize,
    channels: usize,
    copy: Vec<f32>,
    /// Numbers between pixels.
    step: usize,
}

impl<'a> Panel<'a> {
    fn new(gradient: &'a OutputGradient<'a>, channel: usize, width: usize, rows: usize) -> Self {
        let channels = width.min(gradient.channels - channel);
        let whole = channels == width;
        let copied = if whole {
            0
        } else {
            rows * gradient.columns * width
        };
        Self {
            gradient,
            channel,
            channels,
            copy: vec![0.; copied],
            step: if whole { gradient.pitch } else { width },
        }
    }

    fn rows(&mut self, first: usize, rows: usize) -> *const f32 {
        let gradient = self.gradient;
        let (first, pixels) = (first * gradient.columns, rows * gradient.columns);
        let from = &gradient.data[first * gradient.pitch + gradient.offset + self.channel..];
        assert!((pixels - 1) * gradient.pitch + self.channels <= from.len());
        if self.copy.is_empty() {
            return from.as_ptr();
        }
        let copies = self.copy.chunks_exact_mut(self.step).take(pixels);
        for (to, from) in copies.zip(from.chunks(gradient.pitch)) {
            to[..self.channels].copy_from_slice(&from[..self.channels]);
        }
        self.copy.as_ptr()
    }
}
