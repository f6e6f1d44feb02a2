//! Where a run stands.

/// Where a run stands.
///
/// What the literature states per epoch follows [`Step::epoch`]; what it states as a share of the run
/// follows [`Step::fraction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// How many steps were done before this one.
    pub index: usize,
    /// How many steps the whole run has.
    pub total: usize,
    /// How many steps an epoch has, at least 1.
    pub steps_per_epoch: usize,
}

impl Step {
    /// A step of a run that is one epoch.
    pub fn new(index: usize, total: usize) -> Self {
        Self {
            index,
            total,
            steps_per_epoch: total.max(1),
        }
    }

    /// The same step of a run with epochs of that many steps; 0 counts as 1.
    #[must_use]
    pub fn with_epochs_of(self, steps: usize) -> Self {
        Self {
            steps_per_epoch: steps.max(1),
            ..self
        }
    }

    /// The share of the run that lies behind, in `[0, 1]`.
    pub fn fraction(self) -> f64 {
        self.index as f64 / self.total.max(1) as f64
    }

    /// How many epochs lie behind.
    pub fn epoch(self) -> usize {
        self.index / self.steps_per_epoch
    }

    /// Whether an epoch begins with this step.
    pub fn starts_epoch(self) -> bool {
        self.index.is_multiple_of(self.steps_per_epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_whole_numbers_of_steps() {
        let at = |index| Step::new(index, 10).with_epochs_of(4);
        let epochs: Vec<usize> = (0..10).map(|index| at(index).epoch()).collect();
        assert_eq!(epochs, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]);
        let starts: Vec<usize> = (0..10).filter(|&index| at(index).starts_epoch()).collect();
        assert_eq!(starts, [0, 4, 8]);
        assert_eq!(at(5).fraction(), 0.5);
        assert_eq!(Step::new(9, 10).epoch(), 0);
        assert_eq!(Step::new(3, 10).with_epochs_of(0).epoch(), 3);
    }
}
