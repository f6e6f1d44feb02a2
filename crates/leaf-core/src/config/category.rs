//! What the category level does in a trainer.

use crate::bounds::{not_negative, share, share_below_one};
use crate::{DecouplingConfig, Error, Result};

/// Which loss holds a strong prediction to the sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum CategoryLoss {
    /// Every positive class above every negative one:
    /// [`decoupled_consistency`](crate::decoupled_consistency).
    Ranking,
    /// Only the negative classes lose: [`positive_set_loss`](crate::positive_set_loss).
    Set,
    /// Every class is positive to the degree of its weak probability q, softened and aligned as for the sets: `-Σ_c q_c log
    /// softmax(z)_c` ([`soft_cross_entropy`](crate::soft_cross_entropy)). The sets then only weigh the face.
    #[default]
    Soft,
}

/// Which unlabelled faces the category level acts on, given the host's weight m of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Faces {
    /// In place of the host's cross-entropy, by m.
    Accepted,
    /// Beside the host's cross-entropy on what it accepts, by 1 - m.
    Rejected,
    /// In place of the host's cross-entropy by m, and on the rest by 1 - m: for hosts that accept nearly
    /// everything.
    Both,
    /// In place of the host's cross-entropy, all alike.
    #[default]
    All,
}

/// How the faces' weights enter the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Masking {
    /// Each face by its own: a face with weight 0 has gradient 0.
    #[default]
    PerFace,
    /// Every face by the batch's mean, as in the released code: faces that should be masked leak.
    BatchMean,
}

/// What the classes' average probability should be.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum AlignmentTarget {
    /// Every class alike.
    #[default]
    Uniform,
    /// These shares, a class each, which sum to 1: for instance the labelled faces' frequencies.
    Given(Vec<f64>),
}

/// How predictions are aligned with the classes' expected shares.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Alignment {
    /// How much of the running average stays at each step, in `[0, 1)`.
    pub momentum: f64,
    /// What the average should be.
    pub target: AlignmentTarget,
}

impl Default for Alignment {
    /// Uniform, with a momentum for runs of some hundred to thousand steps.
    fn default() -> Self {
        Self {
            momentum: 0.99,
            target: AlignmentTarget::Uniform,
        }
    }
}

impl Alignment {
    /// Checks every rule for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self, num_classes: usize) -> Result<()> {
        share_below_one("alignment.momentum", self.momentum)?;
        let AlignmentTarget::Given(shares) = &self.target else {
            return Ok(());
        };
        if shares.len() != num_classes {
            return Err(Error::Shape {
                what: "alignment.target",
                expected: format!("({num_classes},)"),
                found: vec![shares.len()],
            });
        }
        for &share in shares {
            not_negative("alignment.target", share)?;
        }
        let sum: f64 = shares.iter().sum();
        if (sum - 1.).abs() > 1e-6 {
            return Err(Error::OutOfRange {
                field: "alignment.target's sum",
                value: sum,
                expected: "1",
            });
        }
        Ok(())
    }
}

/// What the category level does in a trainer.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct CategoryConfig {
    /// How the classes are split.
    pub decoupling: DecouplingConfig,
    /// Whether and how the weak predictions are aligned before the split.
    #[cfg_attr(feature = "serde", serde(with = "crate::switch"))]
    pub alignment: Option<Alignment>,
    /// Which loss holds the strong prediction to the sets.
    pub loss: CategoryLoss,
    /// Which faces it acts on.
    pub faces: Faces,
    /// How the faces' weights enter the mean.
    pub masking: Masking,
    /// Whether the loss is scaled to the size of the host's cross-entropy over all faces (of soft labels
    /// where the host's are), both taken as constants (the released code's balance ratio).
    pub rescale: bool,
    /// What the loss is multiplied by, beside the host's own weight.
    pub weight: f64,
    /// The share of the run, in `[0, 1]`, over which the weight grows from 0; 0 for none.
    pub ramp: f64,
}

impl Default for CategoryConfig {
    /// As in [`LeafConfig::robust`](crate::LeafConfig::robust).
    fn default() -> Self {
        Self {
            decoupling: DecouplingConfig::default(),
            alignment: Some(Alignment::default()),
            loss: CategoryLoss::Soft,
            faces: Faces::All,
            masking: Masking::PerFace,
            rescale: false,
            weight: 1.,
            ramp: 0.,
        }
    }
}

impl CategoryConfig {
    /// Checks every rule for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self, num_classes: usize) -> Result<()> {
        self.decoupling.check(num_classes)?;
        if let Some(alignment) = &self.alignment {
            alignment.check(num_classes)?;
        }
        not_negative("category.weight", self.weight)?;
        share("category.ramp", self.ramp)
    }
}
