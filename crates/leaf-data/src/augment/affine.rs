//! Affine maps with the nearest pixel and black outside, as Pillow computes them.

use super::canvas::Canvas;
use super::crop::{Border, Columns};
use crate::wide::wide;

/// Where an output pixel comes from: `x_in = a x + b y + c`, `y_in = d x + e y + f`, both taken at
/// the pixels' centers.
pub(super) type Map = [f64; 6];

/// A place outside the face, where it is black: more than the largest face has pixels.
const OUTSIDE: u32 = u32::MAX;

impl Canvas {
    /// The view whose pixels come from where the map says.
    pub(super) fn affine(&mut self, map: Map) {
        let mut places = std::mem::take(&mut self.places);
        let fixed = Fixed::of(map);
        if map[1] == 0. && map[3] == 0. {
            self.scale_and_shift(map, &mut places);
        } else if fixed.right == (1 << 16, 0) {
            self.slide(&fixed);
        } else {
            self.pick(&fixed, &mut places);
        }
        self.places = places;
    }

    /// Neighbors in a row come from neighbors in one row.
    fn slide(&mut self, fixed: &Fixed) {
        let (height, width) = (self.view.height, self.view.width);
        self.through_spare(|from, to| {
            for (to, y) in to.chunks_exact_mut(width).zip(0..) {
                let (right, row) = fixed.start(y);
                let row = usize::try_from(row).ok().filter(|row| *row < height);
                match row {
                    Some(row) => {
                        let columns = Columns::of(width, -right as isize, Border::Black);
                        columns.copy(&from[row * width..(row + 1) * width], to);
                    }
                    None => to.fill(0),
                }
            }
        });
    }

    /// Each pixel comes from a place of its own, which is the same in all channels.
    fn pick(&mut self, fixed: &Fixed, places: &mut Vec<u32>) {
        let Canvas { view, spare, .. } = self;
        let (height, width, area) = (view.height, view.width, view.area());
        spare.resize(view.samples.len(), 0);
        places.resize(width, OUTSIDE);
        for y in 0..height {
            wide(|| fixed.row(y as i64, (height, width), places));
            let planes = view.samples.chunks_exact(area);
            for (from, to) in planes.zip(spare.chunks_exact_mut(area)) {
                gather(from, places, &mut to[y * width..(y + 1) * width]);
            }
        }
        std::mem::swap(&mut view.samples, spare);
    }

    /// Without rotation or shear every row and column has its own source, found by adding in f64.
    fn scale_and_shift(&mut self, [a, _, c, _, e, f]: Map, columns: &mut Vec<u32>) {
        let (height, width) = (self.view.height, self.view.width);
        columns.clear();
        columns.extend(sources(width, c + 0.5 * a, a));
        let run = run(columns);
        self.through_spare(|from, to| {
            let rows = to.chunks_exact_mut(width);
            for (to, row) in rows.zip(sources(height, f + 0.5 * e, e)) {
                let start = (row as usize).saturating_mul(width);
                let from = from.get(start..).map(|rest| &rest[..width]);
                match (from, &run) {
                    (None, _) => to.fill(0),
                    (Some(from), Some(run)) => run.copy(from, to),
                    (Some(from), None) => gather(from, columns, to),
                }
            }
        });
    }
}

/// Neighbors that come from neighbors; what is outside of them is black.
struct Run {
    first: usize,
    from: usize,
    count: usize,
}

impl Run {
    fn copy(&self, from: &[u8], to: &mut [u8]) {
        let (before, rest) = to.split_at_mut(self.first);
        let (inside, after) = rest.split_at_mut(self.count);
        before.fill(0);
        inside.copy_from_slice(&from[self.from..self.from + self.count]);
        after.fill(0);
    }
}

/// The run that these places are, if they are one.
fn run(places: &[u32]) -> Option<Run> {
    let first = places.iter().position(|&place| place != OUTSIDE)?;
    let from = places[first];
    let inside = places[first..].iter().zip(from..);
    let count = inside
        .take_while(|(place, wanted)| *place == wanted)
        .count();
    let rest = &places[first + count..];
    let only = rest.iter().all(|&place| place == OUTSIDE);
    only.then_some(Run {
        first,
        from: from as usize,
        count,
    })
}

fn sources(length: usize, start: f64, step: f64) -> impl Iterator<Item = u32> {
    let mut at = start;
    let next = move || {
        let here = at;
        at += step;
        match here >= 0. && here < length as f64 {
            true => here as u32,
            false => OUTSIDE,
        }
    };
    std::iter::repeat_with(next).take(length)
}

/// Takes each pixel from its place.
fn gather(from: &[u8], places: &[u32], to: &mut [u8]) {
    for (to, &place) in to.iter_mut().zip(places) {
        *to = from.get(place as usize).copied().unwrap_or(0);
    }
}

/// Pillow walks in steps of 2^-16 pixels; i64 holds them for any face.
struct Fixed {
    first: (i64, i64),
    right: (i64, i64),
    down: (i64, i64),
}

impl Fixed {
    fn of([a, b, c, d, e, f]: Map) -> Self {
        let fixed = |v: f64| (v * 65536. + 0.5).floor() as i64;
        Self {
            first: (fixed(c + 0.5 * a + 0.5 * b), fixed(f + 0.5 * d + 0.5 * e)),
            right: (fixed(a), fixed(d)),
            down: (fixed(b), fixed(e)),
        }
    }

    /// Where a row begins, in 2^-16 pixels.
    #[inline(always)]
    fn begin(&self, y: i64) -> (i64, i64) {
        (
            self.first.0 + y * self.down.0,
            self.first.1 + y * self.down.1,
        )
    }

    /// The column and the row that a row's first pixel comes from.
    fn start(&self, y: i64) -> (i64, i64) {
        let (x, y) = self.begin(y);
        (x >> 16, y >> 16)
    }

    /// Where the pixels of a row come from, as places in a plane.
    #[inline(always)]
    fn row(&self, y: i64, (height, width): (usize, usize), places: &mut [u32]) {
        let (start_x, start_y) = self.begin(y);
        let (height, width) = (height as i64, width as i64);
        for (place, x) in places.iter_mut().zip(0..) {
            let from_x = (start_x + x * self.right.0) >> 16;
            let from_y = (start_y + x * self.right.1) >> 16;
            let inside = (0..width).contains(&from_x) & (0..height).contains(&from_y);
            let at = from_y * width + from_x;
            *place = if inside { at as u32 } else { OUTSIDE };
        }
    }
}
