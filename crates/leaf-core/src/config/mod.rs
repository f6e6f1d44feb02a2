//! LEAF's whole configuration and its three presets.

mod category;
#[cfg(feature = "serde")]
mod form;
mod levels;
mod preset;
mod presets;

pub use category::{Alignment, AlignmentTarget, CategoryConfig, CategoryLoss, Faces, Masking};
pub use levels::Levels;
pub use preset::Preset;

use crate::bounds::{not_negative, share_below_one};
use crate::{ContrastiveConfig, Error, MarginConfig, MixtureConfig, Normalization, Result};

/// Where the instance level's mixture works.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum InstanceLevel {
    /// On the normalized features before the classifier (the released code).
    Features(MixtureConfig),
    /// On the scores after the classifier (the paper's figure).
    Predictions(MixtureConfig),
}

impl InstanceLevel {
    /// The mixture, wherever it works.
    pub fn mixture(&self) -> &MixtureConfig {
        match self {
            Self::Features(mixture) | Self::Predictions(mixture) => mixture,
        }
    }
}

/// How a step's views go through the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ForwardPlan {
    /// The encoder runs once over labelled, weak and strong rows: one set of batch statistics.
    #[default]
    Concatenated,
    /// One pass a view, in the released code's order: weak views, labelled, strong; all to train.
    Separate,
}

/// Everything that LEAF adds to a trainer; each level can be switched off by `None`.
///
/// [`LeafConfig::robust`], [`LeafConfig::paper`] and [`LeafConfig::released`] are values of it, and
/// [`LeafConfig::off`] adds nothing.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default, deny_unknown_fields, remote = "Self")
)]
pub struct LeafConfig {
    /// The mixture on the encoder's feature.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub semantic: Option<MixtureConfig>,
    /// The mixture before or after the classifier.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub instance: Option<InstanceLevel>,
    /// The positive and negative classes of unlabelled faces.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub category: Option<CategoryConfig>,
    /// The attraction between two weak views of a face that the host rejects.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub contrastive: Option<ContrastiveConfig>,
    /// Each class's margin, for hosts that choose by margins.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub margins: Option<MarginConfig>,
    /// The features' length before the classifier.
    pub normalization: Normalization,
    /// The share of feature entries dropped in training, in `[0, 1)`.
    pub dropout: f64,
    /// What the mixtures' balance losses are multiplied by.
    pub balance_weight: f64,
    /// What the distance between the weak and the strong view's fused features of unit length is
    /// multiplied by, see [`invariance`](crate::invariance); 0 compares none. Without a semantic level they are
    /// the encoder's features.
    pub invariance_weight: f64,
    /// What the labelled faces' cross-entropy is multiplied by.
    pub supervised_weight: f64,
    /// How a step's views go through the network.
    pub forward: ForwardPlan,
}

impl LeafConfig {
    /// Checks every rule for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self, num_classes: usize) -> Result<()> {
        if num_classes < 2 {
            return Err(Error::NumClasses { num_classes });
        }
        let instance = self.instance.as_ref().map(InstanceLevel::mixture);
        for mixture in [self.semantic.as_ref(), instance].into_iter().flatten() {
            mixture.check()?;
        }
        if let Some(category) = &self.category {
            category.check(num_classes)?;
        }
        if let Some(contrastive) = &self.contrastive {
            contrastive.check()?;
        }
        if let Some(margins) = &self.margins {
            margins.check()?;
        }
        self.normalization.check()?;
        share_below_one("dropout", self.dropout)?;
        not_negative("balance_weight", self.balance_weight)?;
        not_negative("invariance_weight", self.invariance_weight)?;
        not_negative("supervised_weight", self.supervised_weight)
    }
}
