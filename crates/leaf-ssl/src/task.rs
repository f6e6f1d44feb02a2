//! What a trainer must know of a task before the first step.

use leaf_core::Error;

use crate::Result;

/// What a trainer must know of a task before the first step.
///
/// Most need the number of classes alone; FlexMatch counts all training faces, SimMatch keeps the
/// labelled ones in mind, ReMixMatch aligns to their classes' shares.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Task {
    /// How many classes there are.
    pub num_classes: usize,
    /// How many faces the training list has, labelled or not; an index is less. 0 if unknown.
    pub training_faces: usize,
    /// The place in the training list and the class of each labelled face; empty if unknown.
    pub labeled: Vec<(usize, usize)>,
    /// What the trainer's own randomness follows, such as mixtures of faces.
    pub seed: u64,
}

impl Task {
    /// With that many classes; nothing else is known.
    pub fn new(num_classes: usize) -> Self {
        Self {
            num_classes,
            training_faces: 0,
            labeled: Vec::new(),
            seed: 0,
        }
    }

    /// With a training list of that many faces.
    #[must_use]
    pub fn with_training_faces(self, training_faces: usize) -> Self {
        Self {
            training_faces,
            ..self
        }
    }

    /// With the labelled faces: each one's place in the training list and its class.
    #[must_use]
    pub fn with_labeled(self, labeled: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self {
            labeled: labeled.into_iter().collect(),
            ..self
        }
    }

    /// With randomness that follows this seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Each class's share of the labelled faces.
    ///
    /// # Errors
    /// When no labelled face is known, or one has a class that there is not.
    pub fn class_shares(&self) -> Result<Vec<f64>> {
        if self.labeled.is_empty() {
            return Err(Error::Zero {
                field: "labelled faces of the task",
            }
            .into());
        }
        let mut shares = vec![0.; self.num_classes];
        for &(_, class) in &self.labeled {
            let share = shares.get_mut(class).ok_or(Error::OutOfRange {
                field: "class of a labelled face",
                value: class as f64,
                expected: "less than the number of classes",
            })?;
            *share += 1. / self.labeled.len() as f64;
        }
        Ok(shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_labelled_faces() -> Result<()> {
        let task = Task::new(3).with_labeled([(0, 0), (5, 2), (9, 2), (7, 0)]);
        assert_eq!(task.class_shares()?, [0.5, 0., 0.5]);
        assert!(Task::new(3).class_shares().is_err());
        assert!(Task::new(3).with_labeled([(0, 3)]).class_shares().is_err());
        Ok(())
    }
}
