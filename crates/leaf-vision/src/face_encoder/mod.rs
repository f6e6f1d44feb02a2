//! dlib's network of faces, for which trained weights are public.

mod block;
mod config;
mod scaled_conv;
mod top;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use leaf_core::{Encoder, Mode};

use crate::error::{Error, Result, dims4};
use crate::global_average_pool::global_average_pool;
use crate::max_pool2d::max_pool2d;
use crate::pass::Activation;
use block::Block;
pub use config::{FaceEncoderConfig, FaceFeatures};
use scaled_conv::{Filters, ScaledConv};
pub use top::{FaceEncoderTop, face_encoder_top};

/// The blocks in order: name, channels of input and output, and whether the side is halved.
const LAYOUT: [(&str, (usize, usize), bool); block::BLOCKS] = [
    ("conv32_1", (32, 32), false),
    ("conv32_2", (32, 32), false),
    ("conv32_3", (32, 32), false),
    ("conv64_down", (32, 64), true),
    ("conv64_1", (64, 64), false),
    ("conv64_2", (64, 64), false),
    ("conv64_3", (64, 64), false),
    ("conv128_down", (64, 128), true),
    ("conv128_1", (128, 128), false),
    ("conv128_2", (128, 128), false),
    ("conv256_down", (128, 256), true),
    ("conv256_1", (256, 256), false),
    ("conv256_2", (256, 256), false),
    ("conv256_down_out", (256, 256), true),
];

/// dlib's face recognition network, from images to descriptors: a residual network of 29
/// convolutions without batch norm, 5.6 million parameters.
///
/// Its author trained it on about three million faces of 7485 people, from FaceScrub, VGG Face and the
/// web, to tell people apart, and released the weights (`dlib_face_recognition_resnet_model_v1`) into
/// the public domain. The npm package `@vladmandic/face-api` (MIT) ships them, most rounded to 8 bits,
/// and the example `convert_face_encoder` makes a file of them that fits this network: with version
/// 1.7.15 and inputs normalized alike, descriptors were the package's within 3e-7, their largest
/// numbers being 0.33. The package divides levels by 255, dlib by 256, which moves them by 3e-4.
///
/// A convolution's own bias, about 1e-7 in the published weights, is part of the scale's bias here.
///
/// Source: D. E. King, dlib's `dnn_face_recognition_ex.cpp`; the layout and names of face-api.js.
#[derive(Clone, Debug)]
pub struct FaceEncoder {
    stem: ScaledConv,
    blocks: Vec<Block>,
    /// `(128, 256)`.
    descriptor: Option<Tensor>,
    config: FaceEncoderConfig,
}

impl FaceEncoder {
    /// The configuration.
    pub fn config(&self) -> &FaceEncoderConfig {
        &self.config
    }

    /// The map before the average: `(N, C, H, W)` to `(N, 256, H', W')`, 2 by 2 for images of 150
    /// pixels.
    ///
    /// # Errors
    /// When the images have another number of channels or are smaller than
    /// [`FaceEncoderConfig::MIN_SIZE`].
    pub fn feature_map(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        through(&self.blocks, self.stem_map(xs, mode)?, mode)
    }

    /// The map that the first block is given.
    fn stem_map(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check_images(xs)?;
        let ys = Activation::Relu.plain(&self.stem.forward(&mode.view(xs), mode)?)?;
        max_pool2d(&ys, 3, 2, 0)
    }

    fn features(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let pooled = global_average_pool(&self.feature_map(xs, mode)?)?;
        Ok(match &self.descriptor {
            Some(weight) => pooled.matmul(&mode.view(weight).t()?)?,
            None => pooled,
        })
    }

    fn check_images(&self, xs: &Tensor) -> Result<()> {
        let (_, channels, height, width) = dims4("images", xs)?;
        if channels != self.config.in_channels {
            return Err(Error::Shape {
                what: "images",
                expected: format!("(N, {}, H, W)", self.config.in_channels),
                found: xs.dims().to_vec(),
            });
        }
        let (size, min_size) = (height.min(width), FaceEncoderConfig::MIN_SIZE);
        if size < min_size {
            return Err(Error::TooSmall { size, min_size });
        }
        Ok(())
    }
}

/// A map through blocks, one after the other.
fn through(blocks: &[Block], map: Tensor, mode: Mode) -> Result<Tensor> {
    blocks
        .iter()
        .try_fold(map, |map, block| block.forward(&map, mode))
}

impl Encoder for FaceEncoder {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.features(xs, mode)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }
}

/// A [`FaceEncoder`]. Paths are those of face-api.js in PyTorch's spelling: `conv32_down.conv.weight`,
/// `conv32_down.scale.weight`, `conv32_down.scale.bias`, `conv32_1.conv1.conv.weight` and so on to
/// `conv256_down_out.conv2.scale.bias`, and `fc.weight` if the features are descriptors.
///
/// The published weights want images of [`FaceEncoderConfig::IMAGE_SIZE`] pixels that are normalized
/// by [`FaceEncoderConfig::MEAN`] and [`FaceEncoderConfig::STD`].
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{FaceEncoderConfig, face_encoder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let encoder = face_encoder(&FaceEncoderConfig::default(), vb)?;
/// let size = FaceEncoderConfig::IMAGE_SIZE;
/// let faces = Tensor::zeros((1, 3, size, size), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&faces, Mode::Eval)?.dims(), [1, 128]);
/// assert!(parameters.all().contains_key("conv64_down.conv1.scale.weight"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn face_encoder(config: &FaceEncoderConfig, vb: VarBuilder) -> Result<FaceEncoder> {
    config.check()?;
    let stem = Filters {
        in_channels: config.in_channels,
        out_channels: 32,
        kernel: 7,
        stride: 2,
        padding: 0,
    };
    let blocks = LAYOUT.map(|(name, channels, down)| Block::new(channels, down, vb.pp(name)));
    let descriptor = match config.features {
        FaceFeatures::Descriptor => Some(descriptor_weight(vb.pp("fc"))?),
        FaceFeatures::Pooled => None,
    };
    Ok(FaceEncoder {
        stem: ScaledConv::new(stem, 1., vb.pp("conv32_down"))?,
        blocks: blocks.into_iter().collect::<Result<_>>()?,
        descriptor,
        config: config.clone(),
    })
}

/// Uniform within `±1/sqrt(256)` at first, as PyTorch's linear layers.
fn descriptor_weight(vb: VarBuilder) -> Result<Tensor> {
    let bound = 256f64.powf(-0.5);
    let uniform = Init::Uniform {
        lo: -bound,
        up: bound,
    };
    Ok(vb.get_with_hints((128, 256), "weight", uniform)?)
}

#[cfg(test)]
mod tests;
