//! A run's settings.

use serde::{Deserialize, Serialize};

use crate::{Error, Metrics, Result};

/// A run's settings, whatever the algorithm. The default is the main job's on drawn faces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// How many steps, at least 1.
    pub steps: usize,
    /// The base learning rate, above 0.
    pub learning_rate: f64,
    /// The largest norm of the gradient, above 0; `None` does not clip.
    #[serde(with = "leaf_core::switch")]
    pub clip: Option<f64>,
    /// How many steps an epoch has, at least 1; `None` is one pass over the unlabelled faces.
    #[serde(with = "leaf_core::switch")]
    pub steps_per_epoch: Option<usize>,
    /// The share of the weights' average that each step keeps, in `[0, 1)`; `None` keeps no average.
    #[serde(with = "leaf_core::switch")]
    pub ema_decay: Option<f64>,
    /// Evaluate and save after every so many steps, at least 1; always after the last.
    pub eval_every: usize,
    /// Show every so many steps, at least 1; always the first and the last.
    pub log_every: usize,
    /// Warn when no unlabelled face has passed for so many steps, at least 1.
    pub warn_after: usize,
    /// Which rate the best step is chosen by.
    pub select_by: SelectBy,
    /// Save everything that the run needs to go on after every so many steps, at least 1; `None` saves it
    /// only when the run is stopped.
    #[serde(with = "leaf_core::switch")]
    pub checkpoint_every: Option<usize>,
    /// How many of these checkpoints are kept, at least 1.
    pub keep: usize,
    /// Whether a step whose loss or gradient is not finite is left out and counted, up to
    /// [`TrainConfig::MOST_SKIPPED`] in a row; otherwise it ends the run.
    pub skip_nonfinite: bool,
}

/// Which rate the best step is chosen by; the first of equal ones wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectBy {
    /// The share of right predictions.
    #[default]
    Accuracy,
    /// The mean recall over classes, for classes of unequal size.
    BalancedAccuracy,
    /// The mean F1 over classes.
    MacroF1,
}

impl SelectBy {
    /// That rate.
    pub fn of(self, metrics: &Metrics) -> f64 {
        match self {
            Self::Accuracy => metrics.accuracy,
            Self::BalancedAccuracy => metrics.balanced_accuracy,
            Self::MacroF1 => metrics.macro_f1,
        }
    }
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 700,
            learning_rate: 0.05,
            clip: None,
            steps_per_epoch: None,
            ema_decay: Some(0.99),
            eval_every: 100,
            log_every: 10,
            warn_after: 200,
            select_by: SelectBy::default(),
            checkpoint_every: Some(100),
            keep: 2,
            skip_nonfinite: false,
        }
    }
}

impl TrainConfig {
    /// How many steps in a row may be skipped before the run ends all the same: it learns nothing.
    pub const MOST_SKIPPED: usize = 10;

    /// Checks every bound.
    ///
    /// # Errors
    /// The first setting that is out of its bounds.
    pub fn check(&self) -> Result<()> {
        for (field, count) in [
            ("steps", self.steps),
            ("eval_every", self.eval_every),
            ("log_every", self.log_every),
            ("warn_after", self.warn_after),
            ("steps_per_epoch", self.steps_per_epoch.unwrap_or(1)),
            ("checkpoint_every", self.checkpoint_every.unwrap_or(1)),
            ("keep", self.keep),
        ] {
            if count == 0 {
                return Err(leaf_core::Error::Zero { field }.into());
            }
        }
        above_zero("learning_rate", self.learning_rate)?;
        if let Some(clip) = self.clip {
            above_zero("clip", clip)?;
        }
        match self.ema_decay {
            Some(value) if !(0. ..1.).contains(&value) => Err(Error::OutOfRange {
                field: "ema_decay",
                value,
                expected: "at least 0 and below 1",
            }),
            _ => Ok(()),
        }
    }
}

fn above_zero(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0. {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected: "a finite number above 0",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_is_checked() {
        let problem = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig::default();
            change(&mut config);
            config.check().expect_err("out of bounds").to_string()
        };
        assert!(TrainConfig::default().check().is_ok());
        assert_eq!(problem(|c| c.steps = 0), "steps = 0, expected at least 1");
        assert!(problem(|c| c.eval_every = 0).starts_with("eval_every = 0"));
        assert!(problem(|c| c.log_every = 0).starts_with("log_every = 0"));
        assert!(problem(|c| c.warn_after = 0).starts_with("warn_after = 0"));
        assert!(problem(|c| c.checkpoint_every = Some(0)).starts_with("checkpoint_every = 0"));
        assert!(problem(|c| c.keep = 0).starts_with("keep = 0"));
        assert!(problem(|c| c.learning_rate = -0.1).starts_with("learning_rate = -0.1"));
        assert!(problem(|c| c.clip = Some(0.)).starts_with("clip = 0"));
        assert!(problem(|c| c.ema_decay = Some(1.)).starts_with("ema_decay = 1"));
    }
}
