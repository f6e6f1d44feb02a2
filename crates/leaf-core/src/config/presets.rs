//! The three presets and the empty one.

use super::{CategoryConfig, CategoryLoss, Faces, ForwardPlan, InstanceLevel, LeafConfig, Masking};
use crate::{
    Combine, ContrastiveConfig, DecouplingConfig, ExpertKind, GateWeighting, MarginConfig,
    MixtureConfig, NoisyTopKConfig, Normalization, SetWeighting,
};

impl Default for LeafConfig {
    /// [`LeafConfig::robust`].
    fn default() -> Self {
        Self::robust()
    }
}

impl LeafConfig {
    /// Nothing: a linear classifier, the host trainer as it is.
    pub fn off() -> Self {
        Self {
            semantic: None,
            instance: None,
            category: None,
            contrastive: None,
            margins: None,
            normalization: Normalization::None,
            dropout: 0.,
            balance_weight: 0.,
            invariance_weight: 0.,
            supervised_weight: 1.,
            forward: ForwardPlan::Concatenated,
        }
    }

    /// What was measured to work, for people who want accuracy.
    ///
    /// Distinct residual experts (E = 4, k = 2) that start as the identity at both levels, no
    /// normalization before the classifier, balance weight .01; in place of the host's cross-entropy, on
    /// all faces alike, the strong prediction's cross-entropy against the whole aligned weak prediction, in which every
    /// class is positive to its degree ([`CategoryLoss::Soft`]), each face by how clearly its set stands out;
    /// and weak and strong fused features held together ([`invariance`](crate::invariance)), with weight 1.
    pub fn robust() -> Self {
        Self {
            semantic: Some(MixtureConfig::default()),
            instance: Some(InstanceLevel::Features(MixtureConfig::default())),
            category: Some(CategoryConfig::default()),
            balance_weight: 0.01,
            invariance_weight: 1.,
            ..Self::off()
        }
    }

    /// The paper's figure and abstract, for people who read the paper.
    ///
    /// Distinct experts with a gate that learns (k = 2) and a weighted sum, the instance level on the
    /// predictions, the ranking loss in place of cross-entropy on the faces that the host accepts,
    /// each face by its own weight.
    pub fn paper() -> Self {
        let mixture = MixtureConfig {
            gate: NoisyTopKConfig {
                num_experts: 8,
                ..NoisyTopKConfig::default()
            },
            zero_init: false,
            ..MixtureConfig::default()
        };
        Self {
            semantic: Some(mixture.clone()),
            instance: Some(InstanceLevel::Predictions(mixture)),
            category: Some(CategoryConfig {
                decoupling: released_decoupling(),
                alignment: None,
                loss: CategoryLoss::Ranking,
                faces: Faces::Accepted,
                masking: Masking::PerFace,
                rescale: true,
                weight: 1.,
                ramp: 0.,
            }),
            balance_weight: 0.01,
            ..Self::off()
        }
    }

    /// What the authors' code computes, for people who must compare: number for number for logits
    /// and activations within `[-100, 88]`; outside, where theirs is infinite, this stays finite.
    ///
    /// Eight experts that share one expert's weights, k = 1 with a gate that never learns, log-space
    /// combination, unit length without a scale, dropout .5, no balance loss, the ranking loss under a
    /// mask that leaks, a contrastive loss on rejected faces, per-class margins, a pass a view.
    pub fn released() -> Self {
        let mixture = MixtureConfig {
            gate: NoisyTopKConfig {
                num_experts: 8,
                k: 1,
                weighting: GateWeighting::TopKSoftmax,
                noise: true,
                noise_epsilon: 1e-2,
                init_std: 0.,
            },
            expert: ExpertKind::ResidualMlp { hidden: None },
            tied: true,
            zero_init: false,
            combine: Combine::LogSpace,
        };
        Self {
            semantic: Some(mixture.clone()),
            instance: Some(InstanceLevel::Features(mixture)),
            category: Some(CategoryConfig {
                decoupling: released_decoupling(),
                alignment: None,
                loss: CategoryLoss::Ranking,
                faces: Faces::Accepted,
                masking: Masking::BatchMean,
                rescale: true,
                weight: 1.,
                ramp: 0.,
            }),
            contrastive: Some(ContrastiveConfig::default()),
            margins: Some(MarginConfig::default()),
            normalization: Normalization::Unit,
            dropout: 0.5,
            balance_weight: 0.,
            invariance_weight: 0.,
            supervised_weight: 0.5,
            forward: ForwardPlan::Separate,
        }
    }
}

fn released_decoupling() -> DecouplingConfig {
    DecouplingConfig {
        max_positives: 3,
        threshold: 0.9,
        weighting: SetWeighting::Concave,
        teacher_temperature: 1.,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_keeps_its_own_rules() {
        for config in [
            LeafConfig::off(),
            LeafConfig::robust(),
            LeafConfig::paper(),
            LeafConfig::released(),
        ] {
            config.check(7).expect("a valid preset");
            assert!(config.check(1).is_err(), "one class");
        }
    }

    #[test]
    fn the_largest_set_must_leave_a_negative_class() {
        let error = LeafConfig::robust().check(3).unwrap_err().to_string();
        assert_eq!(error, "max_positives = 3 with 3 classes, expected 1 to 2");
    }
}
