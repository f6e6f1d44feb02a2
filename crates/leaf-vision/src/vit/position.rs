//! Where each token stands, for images of any size.

use candle_core::{Device, Tensor};
use candle_nn::VarBuilder;

use super::config::VitConfig;
use super::token_linear::INITIAL;
use crate::error::{Error, Result, positive};

/// A position embedding for another number of patches: `(1, 1 + G G, D)` to `(1, 1 + grid grid, D)`.
///
/// The class token's row, the first, stays; the others are read as a map of `G` by `G` and resized by
/// bicubic interpolation (Keys' kernel with a = -1/2, widened when the map shrinks). That is what timm
/// does when it loads weights of another image size (`resample_abs_pos_embed`), and PyTorch's
/// `interpolate(mode="bicubic", antialias=True)`.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_vision::resample_position_embedding;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let of_224_pixels = Tensor::zeros((1, 1 + 14 * 14, 384), DType::F32, &Device::Cpu)?;
/// let of_96_pixels = resample_position_embedding(&of_224_pixels, 6)?;
/// assert_eq!(of_96_pixels.dims(), [1, 1 + 6 * 6, 384]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the embedding is not of a class token and a square, or the grid is 0.
pub fn resample_position_embedding(embedding: &Tensor, grid: usize) -> Result<Tensor> {
    positive("grid", grid)?;
    let (side, width) = square(embedding)?;
    if side == grid {
        return Ok(embedding.clone());
    }
    let weights = bicubic(side, grid);
    // Metal has no f64: convert before the copy to the device.
    let weights = Tensor::from_vec(weights, (grid, side), &Device::Cpu)?;
    let weights = weights.to_dtype(embedding.dtype())?;
    let weights = weights.to_device(embedding.device())?;
    let map = embedding.narrow(1, 1, side * side)?;
    let map = weights.matmul(&map.reshape((side, side * width))?)?;
    let map = map.reshape((grid, side, width))?;
    let weights = weights.expand((grid, grid, side))?.contiguous()?;
    let map = weights.matmul(&map)?.reshape((1, grid * grid, width))?;
    Ok(Tensor::cat(&[&embedding.narrow(1, 0, 1)?, &map], 1)?)
}

/// Side and width of an embedding.
fn square(embedding: &Tensor) -> Result<(usize, usize)> {
    if let [1, tokens, width] = *embedding.dims() {
        let side = tokens.saturating_sub(1).isqrt();
        if side > 0 && tokens == 1 + side * side {
            return Ok((side, width));
        }
    }
    Err(Error::Shape {
        what: "position embedding",
        expected: "(1, 1 + G*G, D)".to_owned(),
        found: embedding.dims().to_vec(),
    })
}

/// The builder's `pos_embed`, resized if it holds weights of another image size.
///
/// A variable is never resized: the parameter that is trained must be the one that is used.
pub(super) fn position_embedding(config: &VitConfig, vb: &VarBuilder) -> Result<Tensor> {
    const NAME: &str = "pos_embed";
    let shape = (1, 1 + config.grid() * config.grid(), config.width);
    // Builders that make tensors as they are asked for have none yet.
    if let Ok(stored) = vb.get_unchecked(NAME)
        && !stored.is_variable()
        && let Ok((_, width)) = square(&stored)
        && width == config.width
    {
        return resample_position_embedding(&stored, config.grid());
    }
    Ok(vb.get_with_hints(shape, NAME, INITIAL)?)
}

/// The weights `(to, from)` of Pillow's bicubic filter, row by row.
fn bicubic(from: usize, to: usize) -> Vec<f64> {
    let scale = from as f64 / to as f64;
    let stretch = scale.max(1.);
    let support = 2. * stretch;
    let mut weights = vec![0.; to * from];
    for (place, row) in weights.chunks_mut(from).enumerate() {
        let center = (place as f64 + 0.5) * scale;
        let first = (center - support + 0.5).max(0.) as usize;
        let end = ((center + support + 0.5) as usize).min(from);
        for (source, weight) in row.iter_mut().enumerate().take(end).skip(first) {
            *weight = keys((source as f64 - center + 0.5) / stretch);
        }
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|weight| *weight /= sum);
    }
    weights
}

/// Keys' cubic convolution kernel with a = -1/2.
fn keys(distance: f64) -> f64 {
    const A: f64 = -0.5;
    let x = distance.abs();
    if x < 1. {
        ((A + 2.) * x - (A + 3.)) * x * x + 1.
    } else if x < 2. {
        (((x - 5.) * x + 8.) * x - 4.) * A
    } else {
        0.
    }
}

#[cfg(test)]
mod tests {
    use candle_core::DType;

    use super::*;
    use crate::finite_difference;

    #[test]
    fn rows_of_weights_sum_to_one() {
        for (from, to) in [(14, 6), (14, 24), (3, 1), (1, 5)] {
            for row in bicubic(from, to).chunks(from) {
                assert!((row.iter().sum::<f64>() - 1.).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_plane_stays_a_plane_inside() -> Result<()> {
        // Where the window is whole, a cubic kernel reproduces linear maps.
        let side = 8usize;
        let mut values = vec![9.];
        values.extend((0..side * side).map(|i| (i / side) as f64 + 10. * (i % side) as f64));
        let embedding = Tensor::from_vec(values, (1, 65, 1), &Device::Cpu)?;
        let resized = resample_position_embedding(&embedding, 16)?;
        let resized = resized.flatten_all()?.to_vec1::<f64>()?;
        assert_eq!(resized[0], 9.);
        for (row, column) in [(5usize, 6usize), (8, 8), (9, 5)] {
            let source = |place: usize| (place as f64 + 0.5) / 2. - 0.5;
            let wanted = source(row) + 10. * source(column);
            assert!((resized[1 + row * 16 + column] - wanted).abs() < 1e-9);
        }
        Ok(())
    }

    #[test]
    fn the_same_size_is_left_alone_and_others_are_refused() -> Result<()> {
        let embedding = finite_difference::normal(1, &[1, 10, 4])?;
        let same = resample_position_embedding(&embedding, 3)?;
        assert_eq!(same.to_vec3::<f64>()?, embedding.to_vec3::<f64>()?);
        let wrong = |shape: &[usize], grid| {
            let embedding = Tensor::zeros(shape, DType::F32, &Device::Cpu)?;
            let error = resample_position_embedding(&embedding, grid).unwrap_err();
            Ok::<_, Error>(error.to_string())
        };
        assert_eq!(
            wrong(&[1, 12, 4], 3)?,
            "position embedding has shape [1, 12, 4], expected (1, 1 + G*G, D)"
        );
        assert!(wrong(&[1, 1, 4], 3)?.contains("expected (1, 1 + G*G, D)"));
        assert_eq!(wrong(&[1, 10, 4], 0)?, "grid = 0, expected at least 1");
        Ok(())
    }
}
