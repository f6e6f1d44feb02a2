//! Which vision transformer.

use crate::error::{Error, Result, positive};

/// What becomes of the tokens after the last norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum TokenPooling {
    /// The class token: timm's `global_pool="token"`, which its published weights are made for.
    #[default]
    ClassToken,
    /// The mean of the patches' tokens: timm's `global_pool="avg", fc_norm=False`.
    MeanOfPatches,
}

/// The configuration of a [`Vit`](super::Vit).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct VitConfig {
    /// Channels of the images: 1 for grey, 3 for color.
    pub in_channels: usize,
    /// Side of the images in pixels, a multiple of the patch's.
    pub image_size: usize,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Width of a token, and of the features.
    pub width: usize,
    /// How many blocks.
    pub depth: usize,
    /// How many attention heads share the width.
    pub heads: usize,
    /// Width of the hidden layer of each block's perceptron.
    pub mlp_width: usize,
    /// What becomes of the tokens after the last norm.
    pub pooling: TokenPooling,
    /// What every layer norm adds to the variance.
    pub norm_eps: f64,
}

impl Default for VitConfig {
    /// [`VitConfig::small16`].
    fn default() -> Self {
        Self::small16()
    }
}

impl VitConfig {
    /// ViT-S/16: patches of 16 pixels, width 384, 12 blocks of 6 heads, color images of 224 pixels;
    /// 21.7 million parameters. timm's `vit_small_patch16_224`.
    pub fn small16() -> Self {
        Self {
            in_channels: 3,
            image_size: 224,
            patch_size: 16,
            width: 384,
            depth: 12,
            heads: 6,
            mlp_width: 1536,
            pooling: TokenPooling::ClassToken,
            norm_eps: 1e-6,
        }
    }

    /// ViT-B/16: patches of 16 pixels, width 768, 12 blocks of 12 heads, color images of 224 pixels;
    /// 85.8 million parameters. timm's `vit_base_patch16_224`.
    pub fn base16() -> Self {
        Self {
            width: 768,
            heads: 12,
            mlp_width: 3072,
            ..Self::small16()
        }
    }

    /// The same network for images of that many channels.
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The same network for images of that side in pixels.
    pub fn with_image_size(self, image_size: usize) -> Self {
        Self { image_size, ..self }
    }

    /// The same network with another last step.
    pub fn with_pooling(self, pooling: TokenPooling) -> Self {
        Self { pooling, ..self }
    }

    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        self.width
    }

    /// How many patches a side has.
    pub fn grid(&self) -> usize {
        self.image_size / self.patch_size.max(1)
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        for (field, value) in [
            ("in_channels", self.in_channels),
            ("image_size", self.image_size),
            ("patch_size", self.patch_size),
            ("width", self.width),
            ("depth", self.depth),
            ("heads", self.heads),
            ("mlp_width", self.mlp_width),
        ] {
            positive(field, value)?;
        }
        divides("image_size", self.image_size, "patch_size", self.patch_size)?;
        divides("width", self.width, "heads", self.heads)?;
        match self.norm_eps.is_finite() && self.norm_eps > 0. {
            true => Ok(()),
            false => Err(Error::NumberOutOfRange {
                field: "norm_eps",
                value: self.norm_eps,
                expected: "a number above 0",
            }),
        }
    }
}

fn divides(field: &'static str, value: usize, divisor_field: &str, divisor: usize) -> Result<()> {
    if value.is_multiple_of(divisor) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected: format!("a multiple of {divisor_field} = {divisor}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_keep_the_rules() -> Result<()> {
        VitConfig::small16().check()?;
        VitConfig::base16().with_image_size(96).check()?;
        assert_eq!(VitConfig::base16().grid(), 14);
        assert_eq!(VitConfig::small16().feature_dim(), 384);
        Ok(())
    }

    #[test]
    fn rules_are_checked() {
        let wrong = |change: fn(&mut VitConfig)| {
            let mut config = VitConfig::small16();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(wrong(|c| c.depth = 0), "depth = 0, expected at least 1");
        assert_eq!(
            wrong(|c| c.image_size = 100),
            "image_size = 100, expected a multiple of patch_size = 16"
        );
        assert_eq!(
            wrong(|c| c.heads = 7),
            "width = 384, expected a multiple of heads = 7"
        );
        assert_eq!(
            wrong(|c| c.norm_eps = 0.),
            "norm_eps = 0, expected a number above 0"
        );
    }
}
