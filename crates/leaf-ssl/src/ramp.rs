//! Weights that grow over the first part of a run.

use crate::{Result, Step, bounds};

/// `min(1, t / (share * T))`; 1 from the start for a share of 0.
pub fn linear_ramp(step: Step, share: f64) -> f64 {
    if share <= 0. {
        return 1.;
    }
    (step.index as f64 / (share * step.total.max(1) as f64)).min(1.)
}

/// The weight of a loss that grows to its full size: `λ min(1, t / (share * T))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RampedWeight {
    weight: f64,
    share: f64,
}

impl RampedWeight {
    /// A weight λ of 0 or more, by the name of its field, that grows over a share of the run in
    /// `[0, 1]` (the field `ramp`).
    ///
    /// # Errors
    /// When either is out of its bounds.
    pub fn new(field: &'static str, weight: f64, ramp: f64) -> Result<Self> {
        bounds::not_negative(field, weight)?;
        bounds::share("ramp", ramp)?;
        Ok(Self {
            weight,
            share: ramp,
        })
    }

    /// A weight that is the same at all steps.
    ///
    /// # Errors
    /// When it is negative or not a number.
    pub fn constant(field: &'static str, weight: f64) -> Result<Self> {
        Self::new(field, weight, 0.)
    }

    /// The weight of a step.
    pub fn at(self, step: Step) -> f64 {
        self.weight * linear_ramp(step, self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_one_and_stays() {
        let at = |index| linear_ramp(Step::new(index, 100), 0.3);
        assert_eq!([at(0), at(15), at(30), at(99)], [0., 0.5, 1., 1.]);
        assert_eq!(linear_ramp(Step::new(0, 100), 0.), 1.);
    }

    #[test]
    fn a_weight_grows_to_its_full_size() -> Result<()> {
        let weight = RampedWeight::new("lambda_u", 50., 0.4)?;
        let at = |index| weight.at(Step::new(index, 100));
        assert_eq!([at(0), at(20), at(40), at(99)], [0., 25., 50., 50.]);
        let constant = RampedWeight::constant("lambda_u", 2.)?;
        assert_eq!(constant.at(Step::new(0, 100)), 2.);
        Ok(())
    }

    #[test]
    fn wrong_weights_and_ramps_are_refused() {
        let refused = |weight, ramp| {
            let error = RampedWeight::new("lambda_u", weight, ramp).unwrap_err();
            error.to_string()
        };
        assert_eq!(refused(-1., 0.4), "lambda_u = -1, expected 0 or more");
        assert_eq!(refused(f64::NAN, 0.), "lambda_u = NaN, expected 0 or more");
        assert_eq!(refused(1., 1.5), "ramp = 1.5, expected 0 to 1");
        assert_eq!(refused(1., f64::NAN), "ramp = NaN, expected 0 to 1");
    }
}
