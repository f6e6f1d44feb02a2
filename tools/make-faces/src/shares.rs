//! How many faces each class has.

use anyhow::{Result, ensure};
use clap::ValueEnum;

use crate::style::Recipe;

/// Shares of the classes among the training faces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Shares {
    /// Every class alike.
    #[default]
    Equal,
    /// As among RAF-DB's training faces.
    Raf,
}

/// RAF-DB's training faces of each class (Li, Deng and Du, CVPR 2017; the basic set's lists).
const RAF: [(&str, usize); 7] = [
    ("surprise", 1290),
    ("fear", 281),
    ("disgust", 717),
    ("happiness", 4772),
    ("sadness", 1982),
    ("anger", 705),
    ("neutral", 2524),
];

impl Shares {
    /// Faces of each class, `average` a class; the largest remainders round up.
    ///
    /// # Errors
    /// Where a class would have none.
    pub fn counts(self, recipes: &[Recipe], average: usize) -> Result<Vec<usize>> {
        let weights: Vec<usize> = recipes.iter().map(|recipe| self.weight(recipe)).collect();
        let total = average * recipes.len();
        let sum: usize = weights.iter().sum();
        let mut counts: Vec<usize> = weights.iter().map(|weight| weight * total / sum).collect();
        let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
        by_remainder.sort_by_key(|&class| std::cmp::Reverse(weights[class] * total % sum));
        let missing = total - counts.iter().sum::<usize>();
        for class in by_remainder.into_iter().take(missing) {
            counts[class] += 1;
        }
        for (recipe, count) in recipes.iter().zip(&counts) {
            ensure!(
                *count > 0,
                "{average} training faces a class leave none for {} at RAF-DB's shares; \
                 a larger --train is needed",
                recipe.class
            );
        }
        Ok(counts)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Raf => "raf",
        }
    }

    fn weight(self, recipe: &Recipe) -> usize {
        match self {
            Self::Equal => 1,
            Self::Raf => RAF
                .iter()
                .find(|(class, _)| *class == recipe.class)
                .map_or(0, |(_, faces)| *faces),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{AVATAAARS, OPEN_PEEPS};

    #[test]
    fn equal_shares_are_equal() {
        let counts = Shares::Equal.counts(AVATAAARS.recipes, 400).unwrap();
        assert_eq!(counts, [400; 7]);
    }

    #[test]
    fn shares_of_raf_db_add_up_to_the_same_total() {
        let counts = Shares::Raf.counts(AVATAAARS.recipes, 400).unwrap();
        assert_eq!(counts, [294, 64, 164, 1089, 452, 161, 576]);
        let counts = Shares::Raf.counts(OPEN_PEEPS.recipes, 400).unwrap();
        assert_eq!(counts.iter().sum::<usize>(), 2400);
        assert_eq!(counts, [268, 58, 991, 412, 147, 524]);
    }

    #[test]
    fn a_class_without_faces_is_refused() {
        let error = Shares::Raf.counts(AVATAAARS.recipes, 1).unwrap_err();
        let expected = "1 training faces a class leave none for fear at RAF-DB's shares; \
                        a larger --train is needed";
        assert_eq!(error.to_string(), expected);
    }
}
