//! Some random operations in a row.

use leaf_core::Random;

use super::canvas::{Canvas, changed};
use super::operation::{Choice, Operation};
use crate::Face;

/// Does `count` operations, each drawn anew from [`Operation::ALL`], each with a value uniform in its
/// range (RandAugment without a common magnitude).
///
/// Source: K. Sohn et al., "FixMatch", NeurIPS 2020, appendix D.
pub fn rand_augment(face: &Face, count: usize, random: &mut Random) -> Face {
    let choices = Operation::ALL.map(Operation::choice);
    changed(face, |canvas| canvas.rand_augment(&choices, count, random))
}

impl Canvas {
    /// Does `count` operations, each drawn anew from the choices.
    pub(super) fn rand_augment(&mut self, choices: &[Choice], count: usize, random: &mut Random) {
        for _ in 0..count {
            let Choice {
                operation,
                low,
                high,
            } = choices[random.below(choices.len())];
            self.apply(operation, low + (high - low) * random.uniform());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn the_same_stream_gives_the_same_face() {
        let face = noise(16, 16, 3);
        let view = |seed| rand_augment(&face, 3, &mut Random::new(seed));
        assert_eq!(view(1), view(1));
        assert!((2..9).any(|seed| view(seed) != view(1)));
        assert_eq!(rand_augment(&face, 0, &mut Random::new(1)), face);
    }
}
