//! Vision transformers.

mod attention;
mod block;
mod config;
mod layer_norm;
mod patches;
mod position;
mod token_linear;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use leaf_core::{Encoder, Mode};

use crate::error::Result;
use block::Block;
pub use config::{TokenPooling, VitConfig};
use layer_norm::LayerNorm;
use patches::PatchEmbedding;
pub use position::resample_position_embedding;

/// A vision transformer, from images to features; the classifier is not part of it.
///
/// Patches become tokens, a class token joins them, learned positions are added, and pre-norm blocks
/// of attention and a perceptron follow; there is no dropout and no stochastic depth.
///
/// Source: A. Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, equations 1 to 4;
/// timm's layout and names.
#[derive(Clone, Debug)]
pub struct Vit {
    patches: PatchEmbedding,
    class_token: Tensor,
    positions: Tensor,
    blocks: Vec<Block>,
    norm: LayerNorm,
    config: VitConfig,
}

impl Vit {
    /// The configuration.
    pub fn config(&self) -> &VitConfig {
        &self.config
    }

    /// All tokens after the last norm, the class token first: `(N, C, S, S)` to `(N, 1 + G G, D)`
    /// with `G` patches a side.
    ///
    /// # Errors
    /// When the images have another size or number of channels than the configuration.
    pub fn tokens(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let patches = self.patches.forward(&mode.view(xs), mode)?;
        let (images, _, width) = patches.dims3()?;
        let class_token = mode.view(&self.class_token).expand((images, 1, width))?;
        let tokens = Tensor::cat(&[&class_token, &patches], 1)?;
        let mut tokens = tokens.broadcast_add(&mode.view(&self.positions))?;
        for block in &self.blocks {
            tokens = block.forward(&tokens, mode)?;
        }
        self.norm.forward(&tokens, mode)
    }

    fn pool(&self, tokens: &Tensor) -> Result<Tensor> {
        let patches = tokens.dim(1)?.saturating_sub(1);
        Ok(match self.config.pooling {
            TokenPooling::ClassToken => tokens.narrow(1, 0, 1)?.squeeze(1)?,
            TokenPooling::MeanOfPatches => tokens.narrow(1, 1, patches)?.mean(1)?,
        })
    }
}

impl Encoder for Vit {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.pool(&self.tokens(xs, mode)?)?)
    }

    fn feature_dim(&self) -> usize {
        self.config.feature_dim()
    }
}

/// A [`Vit`]. Paths are timm's: `patch_embed.proj.weight`, `cls_token`, `pos_embed`,
/// `blocks.0.norm1.weight`, `blocks.0.attn.qkv.weight`, `blocks.0.attn.proj.weight`,
/// `blocks.0.mlp.fc1.weight`, `norm.weight` and so on; a classifier beside it would be `head`.
///
/// Initial values are timm's too. A builder that holds weights for images of another size serves as
/// well: positions that are not variables are resized by [`resample_position_embedding`]. To train
/// from such weights, resize `pos_embed` with it before you copy them into your variables.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Encoder, Mode, Parameters};
/// use leaf_vision::{VitConfig, vit};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // ViT-S/16 has 12 blocks and images of 224 pixels.
/// let config = VitConfig { depth: 2, ..VitConfig::small16() }.with_image_size(48);
/// let parameters = Parameters::new(0);
/// let encoder = vit(&config, parameters.builder(DType::F32, &Device::Cpu))?;
/// let faces = Tensor::zeros((4, 3, 48, 48), DType::F32, &Device::Cpu)?;
/// assert_eq!(encoder.encode(&faces, Mode::Eval)?.dims(), [4, 384]);
/// assert!(parameters.all().contains_key("blocks.1.attn.qkv.weight"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn vit(config: &VitConfig, vb: VarBuilder) -> Result<Vit> {
    config.check()?;
    // So small that every image's class token starts as its position.
    let nearly_zero = Init::Randn {
        mean: 0.,
        stdev: 1e-6,
    };
    let blocks = (0..config.depth).map(|place| Block::new(config, vb.pp("blocks").pp(place)));
    Ok(Vit {
        patches: PatchEmbedding::new(config, vb.pp("patch_embed"))?,
        class_token: vb.get_with_hints((1, 1, config.width), "cls_token", nearly_zero)?,
        positions: position::position_embedding(config, &vb)?,
        blocks: blocks.collect::<Result<_>>()?,
        norm: LayerNorm::new(config.width, config.norm_eps, vb.pp("norm"))?,
        config: config.clone(),
    })
}

#[cfg(test)]
mod tests;
