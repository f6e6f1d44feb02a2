//! How long steps take.

use leaf_train::{Observer, Result, StepReport};

/// Every step's time in seconds.
#[derive(Debug, Default)]
pub(super) struct StepTimes(Vec<f64>);

impl StepTimes {
    /// The median; not a number before the first step.
    pub(super) fn median(mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let count = self.0.len();
        match count {
            0 => f64::NAN,
            _ => (self.0[(count - 1) / 2] + self.0[count / 2]) / 2.,
        }
    }
}

impl Observer for StepTimes {
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        self.0.push(report.seconds);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_them() {
        assert_eq!(StepTimes(vec![3., 1., 2.]).median(), 2.);
        assert_eq!(StepTimes(vec![4., 1., 2., 3.]).median(), 2.5);
        assert!(StepTimes::default().median().is_nan());
    }
}
