//! A validation set.

use std::collections::HashSet;

use leaf_core::Random;

use super::{DataSet, Entry};
use crate::{Error, Result};

impl DataSet {
    /// Takes `per_class` random labeled faces of each class out of the training list, to choose
    /// checkpoints or settings on: never choose on the test list.
    ///
    /// ```
    /// # #[cfg(feature = "drawn-faces")] {
    /// let (data, validation) = leaf_data::drawn_faces()?.hold_out(50, 0)?;
    /// assert_eq!((data.class_counts(), validation.len()), (vec![350; 7], 350));
    /// # }
    /// # Ok::<(), leaf_data::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::HoldOut`] if a class would keep no face, or if none is asked for.
    pub fn hold_out(mut self, per_class: usize, seed: u64) -> Result<(Self, Vec<Entry>)> {
        let random = Random::new(seed).split("validation");
        let mut chosen = HashSet::new();
        for (class, count) in self.class_counts().into_iter().enumerate() {
            if per_class == 0 || per_class >= count {
                let class = self.classes[class].clone();
                return Err(Error::HoldOut {
                    class,
                    asked: per_class,
                    available: count,
                });
            }
            let label = Some(class as u32);
            let mut places: Vec<usize> = (0..self.training.len()).collect();
            places.retain(|&place| self.training[place].label == label);
            random.split_index(class as u64).shuffle(&mut places);
            chosen.extend(places.into_iter().take(per_class));
        }
        let entries = std::mem::take(&mut self.training).into_iter().enumerate();
        let (held, kept): (Vec<_>, Vec<_>) = entries.partition(|(place, _)| chosen.contains(place));
        self.training = kept.into_iter().map(|(_, entry)| entry).collect();
        Ok((self, held.into_iter().map(|(_, entry)| entry).collect()))
    }
}

#[cfg(test)]
mod tests {
    use crate::split::test_data::sizes;

    #[test]
    fn held_out_faces_leave_the_training_list() {
        let (data, held) = sizes(&[5, 9], 3).hold_out(2, 1).unwrap();
        assert_eq!(
            (data.class_counts(), data.training().len(), held.len()),
            (vec![3, 7], 13, 4)
        );
        assert!(
            held.iter()
                .all(|entry| data.training().iter().all(|kept| kept.name != entry.name))
        );
        let (_, again) = sizes(&[5, 9], 3).hold_out(2, 1).unwrap();
        let names = |entries: &[crate::Entry]| -> Vec<String> {
            entries.iter().map(|entry| entry.name.clone()).collect()
        };
        assert_eq!(names(&held), names(&again));
    }

    #[test]
    fn a_class_must_keep_a_face() {
        let error = sizes(&[5, 9], 0).hold_out(5, 1).unwrap_err().to_string();
        assert_eq!(
            error,
            "held-out faces per class = 5, expected 1 to 4 of the 5 faces of class \"c0\""
        );
        assert!(sizes(&[5, 9], 0).hold_out(0, 1).is_err());
    }
}
