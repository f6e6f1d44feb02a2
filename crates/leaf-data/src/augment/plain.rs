//! The operations once more, one pixel after the other in the face's own order: what the fast ones must
//! give bit by bit.

use proptest::prelude::*;

use super::Operation;
use super::affine::Map;
use super::test_faces::noise;
use crate::Face;
use crate::face::gray_level;

const BLACK: [u8; 3] = [0; 3];

fn like(face: &Face, samples: impl Iterator<Item = u8>) -> Face {
    Face::new(
        samples.collect(),
        face.height(),
        face.width(),
        face.channels(),
    )
    .unwrap()
}

fn blend(simpler: impl Iterator<Item = u8>, face: &Face, factor: f64) -> Face {
    let factor = factor as f32;
    let pairs = simpler.zip(face.samples());
    like(
        face,
        pairs.map(|(a, &b)| {
            let (a, b) = (f32::from(a), f32::from(b));
            (a + factor * (b - a)) as u8
        }),
    )
}

fn gray(face: &Face) -> Vec<u8> {
    match face.samples().as_chunks::<3>() {
        (pixels, []) if face.channels() == 3 => pixels.iter().map(gray_level).collect(),
        _ => face.samples().to_vec(),
    }
}

fn color(face: &Face, factor: f64) -> Face {
    let levels = gray(face).into_iter();
    let each = levels.flat_map(|level| std::iter::repeat_n(level, face.channels()));
    blend(each, face, factor)
}

fn contrast(face: &Face, factor: f64) -> Face {
    let levels = gray(face);
    let sum: u64 = levels.iter().map(|&level| u64::from(level)).sum();
    let mean = (sum as f64 / levels.len() as f64 + 0.5) as u8;
    blend(std::iter::repeat(mean), face, factor)
}

fn sharpness(face: &Face, factor: f64) -> Face {
    let (height, width, channels) = (face.height(), face.width(), face.channels());
    let smooth = |i: usize| {
        let (y, x, c) = (i / channels / width, i / channels % width, i % channels);
        if y == 0 || x == 0 || y + 1 == height || x + 1 == width {
            return face.samples()[i];
        }
        let places = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (y, x)));
        let sum: u32 = places.map(|(y, x)| u32::from(face.pixel(y, x)[c])).sum();
        ((2 * (sum + 4 * u32::from(face.samples()[i])) + 13) / 26) as u8
    };
    blend((0..face.samples().len()).map(smooth), face, factor)
}

fn affine(face: &Face, [a, b, c, d, e, f]: Map) -> Face {
    if b == 0. && d == 0. {
        let columns = sources(face.width(), c + 0.5 * a, a);
        let rows = sources(face.height(), f + 0.5 * e, e);
        return from_pixels(face, |y, x| rows[y].zip(columns[x]));
    }
    let fixed = |v: f64| (v * 65536. + 0.5).floor() as i64;
    let first_x = fixed(c + 0.5 * a + 0.5 * b);
    let first_y = fixed(f + 0.5 * d + 0.5 * e);
    from_pixels(face, |y, x| {
        let (x, y) = (x as i64, y as i64);
        let from_x = usize::try_from((first_x + x * fixed(a) + y * fixed(b)) >> 16).ok()?;
        let from_y = usize::try_from((first_y + x * fixed(d) + y * fixed(e)) >> 16).ok()?;
        (from_y < face.height() && from_x < face.width()).then_some((from_y, from_x))
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

fn from_pixels(face: &Face, from: impl Fn(usize, usize) -> Option<(usize, usize)>) -> Face {
    Face::from_pixels(face.height(), face.width(), face.channels(), |y, x| {
        from(y, x).map_or(&BLACK[..face.channels()], |(y, x)| face.pixel(y, x))
    })
}

fn rotate(face: &Face, degrees: f64) -> Face {
    let radians = -degrees.rem_euclid(360.).to_radians();
    let rounded = |v: f64| (v * 1e15).round() / 1e15;
    let (cos, sin) = (rounded(radians.cos()), rounded(radians.sin()));
    let (x, y) = (face.width() as f64 / 2., face.height() as f64 / 2.);
    let (shift_x, shift_y) = (-cos * x - sin * y + x, sin * x - cos * y + y);
    affine(face, [cos, sin, shift_x, -sin, cos, shift_y])
}

fn levels(face: &Face, change: impl Fn(u8) -> u8) -> Face {
    like(face, face.samples().iter().map(|&level| change(level)))
}

/// Each channel by its own histogram.
fn by_histogram(face: &Face, table: impl Fn(&[usize]) -> Vec<u8>) -> Face {
    let channels = face.channels();
    let mut counts = vec![vec![0; 256]; channels];
    for (i, &sample) in face.samples().iter().enumerate() {
        counts[i % channels][usize::from(sample)] += 1;
    }
    let tables: Vec<Vec<u8>> = counts.iter().map(|counts| table(counts)).collect();
    let samples = face.samples().iter().enumerate();
    like(
        face,
        samples.map(|(i, &s)| tables[i % channels][usize::from(s)]),
    )
}

fn stretched(counts: &[usize]) -> Vec<u8> {
    let used: Vec<usize> = (0..256).filter(|&level| counts[level] > 0).collect();
    let (low, high) = (used[0], used[used.len() - 1]);
    let scale = 255. / (high - low) as f64;
    let offset = -(low as f64) * scale;
    let stretch = |level: u8| (f64::from(level) * scale + offset) as u8;
    let table = (0..=255).map(|level| if high > low { stretch(level) } else { level });
    table.collect()
}

fn equalized(counts: &[usize]) -> Vec<u8> {
    let used: Vec<usize> = counts.iter().copied().filter(|&count| count > 0).collect();
    let step = used[..used.len() - 1].iter().sum::<usize>() / 255;
    if step == 0 {
        return (0..=255).collect();
    }
    let below = |level: usize| step / 2 + counts[..level].iter().sum::<usize>();
    (0..256)
        .map(|level| (below(level) / step).min(255) as u8)
        .collect()
}

fn plainly(operation: Operation, face: &Face, value: f64) -> Face {
    let (width, height) = (face.width() as f64, face.height() as f64);
    match operation {
        Operation::AutoContrast => by_histogram(face, stretched),
        Operation::Equalize => by_histogram(face, equalized),
        Operation::Identity => face.clone(),
        Operation::Brightness => blend(std::iter::repeat(0), face, value),
        Operation::Color => color(face, value),
        Operation::Contrast => contrast(face, value),
        Operation::Sharpness => sharpness(face, value),
        Operation::Posterize => {
            let lost = 8 - (value as u32).min(8);
            levels(face, |s| (u32::from(s) >> lost << lost) as u8)
        }
        Operation::Solarize => levels(face, |s| if f64::from(s) < value { s } else { 255 - s }),
        Operation::Rotate => rotate(face, value),
        Operation::ShearX => affine(face, [1., value, 0., 0., 1., 0.]),
        Operation::ShearY => affine(face, [1., 0., 0., value, 1., 0.]),
        Operation::TranslateX => affine(face, [1., 0., value * width, 0., 1., 0.]),
        Operation::TranslateY => affine(face, [1., 0., 0., 0., 1., value * height]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Values reach beyond the operations' ranges, where factors extrapolate and faces leave the picture.
    #[test]
    fn fast_and_plain_operations_agree_in_every_bit(
        which in 0usize..14, share in -1f64..2., height in 1usize..40, width in 1usize..40,
        three in any::<bool>(), few_levels in any::<bool>(),
    ) {
        let mut face = noise(height, width, if three { 3 } else { 1 });
        if few_levels {
            face = levels(&face, |level| 90 + level % 5);
        }
        let operation = Operation::ALL[which];
        let (low, high) = operation.range();
        let value = low + share * (high - low);
        prop_assert_eq!(operation.apply(&face, value), plainly(operation, &face, value));
    }

    #[test]
    fn quarter_turns_agree_too(quarters in -5i32..6, height in 1usize..20, width in 1usize..20) {
        let (face, degrees) = (noise(height, width, 3), 90. * f64::from(quarters));
        prop_assert_eq!(super::rotate(&face, degrees), rotate(&face, degrees));
    }
}
