//! Who may be drawn in a set, so that no one is in training and test at once.

use crate::fnv::fnv1a64;

/// A share of all people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// Everyone.
    All,
    /// Four of five, drawn by lot.
    Training,
    /// The others.
    Test,
}

impl People {
    /// Whether this person is one of them. The lot depends on the person and the seed alone, so the
    /// frequencies of skin, hair and beard are the same on both sides.
    pub fn include(self, person: &str, seed: u64) -> bool {
        // FNV-1a hardly spreads its last bytes, so those are the same for everyone.
        let lot = || fnv1a64(format!("{seed} {person} draws a lot").as_bytes()) >> 32;
        match self {
            Self::All => true,
            Self::Training => lot() >= TEST_LOTS,
            Self::Test => lot() < TEST_LOTS,
        }
    }
}

/// A fifth of the 2³² lots.
const TEST_LOTS: u64 = (1 << 32) / 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_is_on_one_side_and_a_fifth_is_in_the_test_set() {
        let people = (0..5_000).map(|i| format!("#ffdbb4,top{i},"));
        let mut test = 0;
        for person in people {
            let sides = [People::Training, People::Test].map(|p| p.include(&person, 3));
            assert_ne!(sides[0], sides[1], "{person}");
            assert!(People::All.include(&person, 3));
            test += usize::from(sides[1]);
        }
        assert!((900..1_100).contains(&test), "{test}");
    }

    #[test]
    fn another_seed_casts_other_lots() {
        let moved = (0..100).filter(|i| {
            let person = i.to_string();
            People::Test.include(&person, 1) != People::Test.include(&person, 2)
        });
        assert!(moved.count() > 10);
    }
}
