//! Faces turned by quarters, which a network may learn to tell apart.

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_ssl::Rotated;

use crate::Result;

/// How many ways to turn a face by quarters there are.
const QUARTERS: usize = 4;

/// Square views `(M, channels, side, side)`, each turned counterclockwise by a random number of quarters.
pub(super) fn rotated(views: &Tensor, mut random: Random) -> Result<Rotated> {
    let (rows, channels, side, _) = views.dims4()?;
    let samples = views.flatten_all()?.to_vec1::<f32>()?;
    let quarters: Vec<u32> = (0..rows).map(|_| random.below(QUARTERS) as u32).collect();
    let mut turned = Vec::with_capacity(samples.len());
    for (plane, pixels) in samples.chunks_exact((side * side).max(1)).enumerate() {
        let quarter = quarters[plane / channels.max(1)];
        for y in 0..side {
            turned.extend((0..side).map(|x| pixels[source(quarter, x, y, side)]));
        }
    }
    Ok(Rotated {
        images: Tensor::from_vec(turned, views.shape(), &Device::Cpu)?,
        quarters: Tensor::from_vec(quarters, rows, &Device::Cpu)?,
    })
}

/// Which pixel of a plane comes to column x and row y.
fn source(quarter: u32, x: usize, y: usize, side: usize) -> usize {
    let last = side - 1;
    let (x, y) = match quarter {
        1 => (last - y, x),
        2 => (last - x, last - y),
        3 => (y, last - x),
        _ => (x, y),
    };
    y * side + x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_is_turned_as_its_number_says() -> Result<()> {
        let plane = [1f32, 2., 3., 4.];
        // As NumPy's rot90 gives them.
        let turns = [
            [1., 2., 3., 4.],
            [2., 4., 1., 3.],
            [4., 3., 2., 1.],
            [3., 1., 4., 2.],
        ];
        let faces = Tensor::from_vec(plane.repeat(40), (20, 2, 2, 2), &Device::Cpu)?;
        let rotated = rotated(&faces, Random::new(1))?;
        let quarters = rotated.quarters.to_vec1::<u32>()?;
        for quarter in 0..4 {
            assert!(quarters.contains(&quarter));
        }
        let found = rotated.images.reshape((20, 2, 4))?.to_vec3::<f32>()?;
        for (face, quarter) in found.iter().zip(quarters) {
            for channel in face {
                assert_eq!(channel.as_slice(), turns[quarter as usize]);
            }
        }
        Ok(())
    }
}
