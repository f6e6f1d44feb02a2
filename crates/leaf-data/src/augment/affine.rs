//! Affine maps with the nearest pixel and black outside, as Pillow computes them.

use crate::Face;

/// Where an output pixel comes from: `x_in = a x + b y + c`, `y_in = d x + e y + f`, both taken at
/// the pixels' centers.
pub(super) type Map = [f64; 6];

const BLACK: [u8; 3] = [0; 3];

/// The face whose pixels come from where the map says.
pub(super) fn affine(face: &Face, map: Map) -> Face {
    if map[1] == 0. && map[3] == 0. {
        scale_and_shift(face, map)
    } else {
        fixed_point(face, map)
    }
}

/// Without rotation or shear every row and column has its own source, found by adding in f64.
fn scale_and_shift(face: &Face, [a, _, c, _, e, f]: Map) -> Face {
    let columns = sources(face.width(), c + 0.5 * a, a);
    let rows = sources(face.height(), f + 0.5 * e, e);
    let black = &BLACK[..face.channels()];
    Face::from_pixels(face.height(), face.width(), face.channels(), |y, x| match (
        rows[y], columns[x],
    ) {
        (Some(from_y), Some(from_x)) => face.pixel(from_y, from_x),
        _ => black,
    })
}

fn sources(length: usize, start: f64, step: f64) -> Vec<Option<usize>> {
    let mut at = start;
    let next = || {
        let here = at;
        at += step;
        (here >= 0. && here < length as f64).then_some(here as usize)
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Pillow walks in steps of 2^-16 pixels; i64 holds them for any face.
fn fixed_point(face: &Face, [a, b, c, d, e, f]: Map) -> Face {
    let fixed = |v: f64| (v * 65536. + 0.5).floor() as i64;
    let (right_x, right_y) = (fixed(a), fixed(d));
    let (down_x, down_y) = (fixed(b), fixed(e));
    let first_x = fixed(c + 0.5 * a + 0.5 * b);
    let first_y = fixed(f + 0.5 * d + 0.5 * e);
    let black = &BLACK[..face.channels()];
    Face::from_pixels(face.height(), face.width(), face.channels(), |y, x| {
        let (x, y) = (x as i64, y as i64);
        let from_x = usize::try_from((first_x + x * right_x + y * down_x) >> 16);
        let from_y = usize::try_from((first_y + x * right_y + y * down_y) >> 16);
        match (from_y, from_x) {
            (Ok(y), Ok(x)) if y < face.height() && x < face.width() => face.pixel(y, x),
            _ => black,
        }
    })
}
