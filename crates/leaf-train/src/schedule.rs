//! How the learning rate changes over a run.

use leaf_ssl::Step;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The learning rate's factor in each step of a run.
pub trait Schedule: std::fmt::Debug {
    /// What the base learning rate is multiplied with in this step.
    fn factor(&self, step: Step) -> f64;

    /// Whether the schedule suits a run of that many steps; asked once, before the first.
    ///
    /// # Errors
    /// When it does not.
    fn check(&self, total: usize) -> Result<()> {
        let _ = total;
        Ok(())
    }
}

/// A cosine that ends at 7/16 of its half period, with a linear warm-up (FixMatch, Sohn et al. 2020).
///
/// With W warm-up steps of T steps in all, the factor in step t (from 0) is `t / W` for `t < W`,
/// then `max(0, cos(7/16 pi (t - W) / (T - W)))`, which ends at 0.195.
///
/// ```
/// use leaf_ssl::Step;
/// use leaf_train::{CosineSchedule, Schedule};
///
/// let schedule = CosineSchedule { warmup_steps: 10 };
/// let factor = |index| schedule.factor(Step::new(index, 700));
/// assert_eq!(factor(0), 0.);
/// assert_eq!(factor(10), 1.);
/// assert!((factor(700) - 0.19509).abs() < 1e-5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosineSchedule {
    /// Steps of linear warm-up, fewer than the run has; the first of them has factor 0.
    pub warmup_steps: usize,
}

impl Schedule for CosineSchedule {
    fn factor(&self, step: Step) -> f64 {
        let warmup = self.warmup_steps;
        if step.index < warmup {
            return step.index as f64 / warmup as f64;
        }
        let rest = step.total.saturating_sub(warmup).max(1);
        let share = (step.index - warmup) as f64 / rest as f64;
        (std::f64::consts::PI * 7. / 16. * share).cos().max(0.)
    }

    fn check(&self, total: usize) -> Result<()> {
        if self.warmup_steps < total {
            return Ok(());
        }
        Err(Error::OutOfRange {
            field: "warmup_steps",
            value: self.warmup_steps as f64,
            expected: "fewer than the steps of the run",
        })
    }
}

/// The base learning rate in every step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConstantSchedule;

impl Schedule for ConstantSchedule {
    fn factor(&self, _step: Step) -> f64 {
        1.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warms_up_then_falls() {
        let schedule = CosineSchedule { warmup_steps: 4 };
        let factors: Vec<f64> = (0..=20)
            .map(|index| schedule.factor(Step::new(index, 20)))
            .collect();
        assert_eq!(factors[..5], [0., 0.25, 0.5, 0.75, 1.]);
        assert!(factors[4..].windows(2).all(|pair| pair[1] < pair[0]));
        assert!((factors[20] - 0.19509).abs() < 1e-5);
    }

    #[test]
    fn a_run_without_steps_after_the_warm_up_is_refused() {
        let schedule = CosineSchedule { warmup_steps: 20 };
        assert!(schedule.check(20).is_err());
        assert!(schedule.check(21).is_ok());
        assert!(CosineSchedule::default().check(1).is_ok());
    }

    #[test]
    fn without_warm_up_the_first_step_is_full() {
        let step = Step::new(0, 10);
        assert_eq!(CosineSchedule::default().factor(step), 1.);
        assert_eq!(ConstantSchedule.factor(step), 1.);
    }
}
