//! The last blocks of the face encoder by themselves, to be trained while those below them are frozen.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};

use super::block::Block;
use super::{FaceEncoder, LAYOUT, through};
use crate::error::{Error, Result, dims4};
use crate::global_average_pool::global_average_pool;

/// The last blocks of a [`FaceEncoder`] and the mean over their map: `(N, C, H, W)`, what
/// [`FaceEncoder::map_below`] makes of images, to `(N, 256)`.
///
/// Fine-tuning it and not what is below costs a small part of fine-tuning the whole network, as the maps of
/// each view can be made once.
#[derive(Clone, Debug)]
pub struct FaceEncoderTop {
    blocks: Vec<Block>,
    in_channels: usize,
}

/// Below the last block, which has no padding, a map of a smaller side has no window.
const MIN_SIDE: usize = 3;

impl FaceEncoderTop {
    /// The channels of the maps that it takes, C.
    pub fn in_channels(&self) -> usize {
        self.in_channels
    }

    fn features(&self, maps: &Tensor, mode: Mode) -> Result<Tensor> {
        let (_, channels, height, width) = dims4("maps", maps)?;
        if channels != self.in_channels || height.min(width) < MIN_SIDE {
            return Err(Error::Shape {
                what: "maps",
                expected: format!("(N, {}, H, W) of sides from {MIN_SIDE}", self.in_channels),
                found: maps.dims().to_vec(),
            });
        }
        global_average_pool(&through(&self.blocks, mode.view(maps), mode)?)
    }
}

impl Encoder for FaceEncoderTop {
    fn encode(&self, maps: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.features(maps, mode)?)
    }

    fn feature_dim(&self) -> usize {
        256
    }
}

/// The last `blocks` blocks, 1 to 14. Paths are the whole network's: `conv256_down_out.conv1.conv.weight` and so on.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{FaceEncoderConfig, face_encoder, face_encoder_top};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let encoder = face_encoder(&FaceEncoderConfig::default(), vb.clone())?;
/// let top = face_encoder_top(1, vb.pp("trained"))?;
/// let faces = Tensor::zeros((1, 3, 150, 150), DType::F32, &Device::Cpu)?;
/// let maps = encoder.map_below(1, &faces, Mode::Eval)?;
/// assert_eq!(maps.dims(), [1, 256, 4, 4]);
/// assert_eq!(top.encode(&maps, Mode::Eval)?.dims(), [1, 256]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there are not that many blocks or the builder's tensors do not fit.
pub fn face_encoder_top(blocks: usize, vb: VarBuilder) -> Result<FaceEncoderTop> {
    let layout = &LAYOUT[below(blocks)?..];
    let blocks = layout
        .iter()
        .map(|&(name, channels, down)| Block::new(channels, down, vb.pp(name)));
    Ok(FaceEncoderTop {
        blocks: blocks.collect::<Result<_>>()?,
        in_channels: layout[0].1.0,
    })
}

impl FaceEncoder {
    /// The map that the last `blocks` blocks are given, 1 to 14: `(N, C, H, W)` to `(N, C', H', W')`, 256 maps of
    /// 4 by 4 below the last block for images of 150 pixels.
    ///
    /// # Errors
    /// When there are not that many blocks, and those of [`FaceEncoder::feature_map`].
    pub fn map_below(&self, blocks: usize, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let below = &self.blocks[..below(blocks)?];
        through(below, self.stem_map(xs, mode)?, mode)
    }
}

/// How many blocks are below the last ones.
fn below(blocks: usize) -> Result<usize> {
    let below = LAYOUT.len().checked_sub(blocks);
    below
        .filter(|&below| below < LAYOUT.len())
        .ok_or(Error::OutOfRange {
            field: "blocks",
            value: blocks,
            expected: "1 to 14".to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::{Parameters, Random};

    use super::super::{FaceEncoderConfig, FaceFeatures, face_encoder};
    use super::*;

    /// A whole network, and the tops of each height with its weights.
    fn network() -> Result<(Parameters, FaceEncoder, Tensor)> {
        let parameters = Parameters::new(0);
        let config = FaceEncoderConfig::default().with_features(FaceFeatures::Pooled);
        let network = face_encoder(&config, parameters.builder(DType::F32, &Device::Cpu))?;
        let shape = (2, 3, 110, 103);
        let xs = Random::new(1).normal_tensor(0., 0.3, shape, DType::F32, &Device::Cpu);
        Ok((parameters, network, xs.expect("random numbers")))
    }

    fn top(blocks: usize, whole: &Parameters) -> Result<(Parameters, FaceEncoderTop)> {
        let parameters = Parameters::new(1);
        let top = face_encoder_top(blocks, parameters.builder(DType::F32, &Device::Cpu))?;
        let whole = whole.all();
        for (name, var) in parameters.all() {
            var.set(&whole[&name])?;
        }
        Ok((parameters, top))
    }

    #[test]
    fn with_what_is_below_it_is_the_whole_network() -> Result<()> {
        let (parameters, network, xs) = network()?;
        let whole = network.features(&xs, Mode::Eval)?.to_vec2::<f32>()?;
        for blocks in [1, 3, 7, 14] {
            let (_, top) = top(blocks, &parameters)?;
            let maps = network.map_below(blocks, &xs, Mode::Eval)?;
            assert_eq!(maps.dim(1)?, top.in_channels());
            let features = top.features(&maps, Mode::Eval)?;
            assert_eq!(features.to_vec2::<f32>()?, whole, "{blocks}");
        }
        Ok(())
    }

    #[test]
    fn every_parameter_gets_a_gradient_and_nothing_below() -> Result<()> {
        let (whole, network, xs) = network()?;
        let (parameters, top) = top(2, &whole)?;
        let maps = network.map_below(2, &xs, Mode::Eval)?;
        let features = top.features(&maps, Mode::Train)?;
        let gradients = features.sqr()?.sum_all()?.backward()?;
        assert_eq!(parameters.trainable().len(), 12);
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var);
            let gradient = gradient.unwrap_or_else(|| panic!("{name} has no gradient"));
            let largest = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(largest.is_finite() && largest > 0., "{name}: {largest}");
        }
        let of_whole = whole.trainable();
        assert!(of_whole.values().all(|var| gradients.get(var).is_none()));
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let (whole, network, xs) = network()?;
        for blocks in [0, 15] {
            let expected = format!("blocks = {blocks}, expected 1 to 14");
            let error = network.map_below(blocks, &xs, Mode::Eval).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        let (_, top) = top(1, &whole)?;
        for shape in [[1, 128, 4, 4], [1, 256, 4, 2]] {
            let maps = Tensor::zeros(&shape, DType::F32, &Device::Cpu)?;
            let error = top.features(&maps, Mode::Eval).unwrap_err().to_string();
            let expected = "expected (N, 256, H, W) of sides from 3";
            assert!(error.contains(expected), "{error}");
        }
        Ok(())
    }
}
