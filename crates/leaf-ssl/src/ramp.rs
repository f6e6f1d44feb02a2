//! Weights that grow over the first part of a run.

use crate::Step;

/// `min(1, t / (share * T))`; 1 from the start for a share of 0.
pub fn linear_ramp(step: Step, share: f64) -> f64 {
    if share <= 0. {
        return 1.;
    }
    (step.index as f64 / (share * step.total.max(1) as f64)).min(1.)
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
}
