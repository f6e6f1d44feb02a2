//! Ada-CM's configuration.

use leaf_core::{
    Alignment, ContrastiveConfig, ForwardPlan, LeafConfig, MarginConfig, Normalization,
};
use leaf_ssl::{
    AdaptiveMargins, CrossEntropy, HardLabels, Result, Task, WeakStrong, WeakStrongConfig,
    with_category,
};

use crate::AdaCm;

/// How many weak views labels are made of.
const WEAK_VIEWS: usize = 2;

/// Ada-CM's configuration; the defaults are the published ones.
///
/// Margins, contrast, supervised weight and forward plan may also be in `leaf`: what it sets is used,
/// what it leaves as [`LeafConfig::off`] has it is Ada-CM's.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct AdaCmConfig {
    /// What the unlabelled faces' loss is multiplied by; the authors' code fixes it at 1.
    pub lambda_u: f64,
    /// What the labelled faces' loss is multiplied by, unless `leaf` weighs it.
    pub supervised_weight: f64,
    /// How a step's views go through the network, unless `leaf` has them go apart.
    pub forward: ForwardPlan,
    /// Each class's margin, unless `leaf` has margins.
    pub margins: MarginConfig,
    /// The attraction between the two weak views of a rejected face, unless `leaf` has one.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub contrastive: Option<ContrastiveConfig>,
    /// Whether and how weak predictions are aligned before they label. Off as published: an option, and the
    /// honest control for LEAF's aligned sets.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<Alignment>,
    /// What LEAF adds.
    pub leaf: LeafConfig,
}

impl Default for AdaCmConfig {
    fn default() -> Self {
        Self {
            lambda_u: 1.,
            supervised_weight: 0.5,
            forward: ForwardPlan::Separate,
            margins: MarginConfig::default(),
            contrastive: Some(ContrastiveConfig::default()),
            alignment: None,
            leaf: LeafConfig::off(),
        }
    }
}

impl AdaCmConfig {
    /// The same trainer with LEAF in it; with [`LeafConfig::released`], the LEAF authors' own.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// What [`leaf_core::leaf_head`] builds Ada-CM's own head from: dropout .5, features of unit length
    /// without a scale, none of LEAF's levels.
    pub fn published_head() -> LeafConfig {
        LeafConfig {
            normalization: Normalization::Unit,
            dropout: 0.5,
            ..LeafConfig::off()
        }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<AdaCm> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        let margins = self.leaf.margins.unwrap_or(self.margins);
        WeakStrong::new(
            "Ada-CM",
            HardLabels::new(self.alignment.as_ref(), num_classes)?,
            AdaptiveMargins::new(margins, num_classes)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            self.shared(),
        )
    }

    /// What the family's members share: what `leaf` sets, and Ada-CM's own for the rest.
    fn shared(&self) -> WeakStrongConfig {
        let unset = LeafConfig::off();
        let mut shared = WeakStrongConfig {
            weak_views: WEAK_VIEWS,
            ..WeakStrongConfig::new(self.lambda_u, &self.leaf)
        };
        if shared.supervised_weight == unset.supervised_weight {
            shared.supervised_weight = self.supervised_weight;
        }
        if shared.forward == unset.forward {
            shared.forward = self.forward;
        }
        shared.contrastive = shared.contrastive.or(self.contrastive);
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ada_cms_own_parts_are_on_with_every_preset() {
        for leaf in [
            LeafConfig::off(),
            AdaCmConfig::published_head(),
            LeafConfig::robust(),
            LeafConfig::paper(),
            LeafConfig::released(),
        ] {
            let balance_weight = leaf.balance_weight;
            let expected = WeakStrongConfig {
                lambda_u: 1.,
                supervised_weight: 0.5,
                annealing: None,
                weak_views: 2,
                balance_weight,
                invariance_weight: leaf.invariance_weight,
                contrastive: Some(ContrastiveConfig::default()),
                forward: ForwardPlan::Separate,
            };
            assert_eq!(AdaCmConfig::default().with_leaf(leaf).shared(), expected);
        }
    }

    #[test]
    fn what_leaf_sets_is_used() {
        let contrastive = Some(ContrastiveConfig {
            weight: 0.3,
            ..ContrastiveConfig::default()
        });
        let leaf = LeafConfig {
            supervised_weight: 0.7,
            contrastive,
            ..LeafConfig::released()
        };
        let config = AdaCmConfig {
            supervised_weight: 2.,
            forward: ForwardPlan::Concatenated,
            contrastive: None,
            ..AdaCmConfig::default()
        };
        let shared = config.clone().with_leaf(leaf).shared();
        assert_eq!(shared.supervised_weight, 0.7);
        assert_eq!(shared.forward, ForwardPlan::Separate);
        assert_eq!(shared.contrastive, contrastive);

        let own = config.with_leaf(LeafConfig::paper()).shared();
        assert_eq!(own.supervised_weight, 2.);
        assert_eq!(own.forward, ForwardPlan::Concatenated);
        assert_eq!(own.contrastive, None);
    }
}
