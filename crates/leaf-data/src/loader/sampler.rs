//! Which faces a step sees.

use std::sync::Arc;

use leaf_core::Random;

/// An endless sequence: one random permutation of the places after the other.
///
/// The n-th place depends on the stream and n alone, so any part can be had without what is before.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    places: Arc<[usize]>,
    random: Random,
    /// The permutation that was used last, and its number.
    current: Option<(u64, Vec<usize>)>,
}

impl Sampler {
    /// Permutations of these places, which must not be empty.
    pub(super) fn new(places: &[usize], random: Random) -> Self {
        Self {
            places: places.into(),
            random,
            current: None,
        }
    }

    /// The places, in the order that was given.
    pub(super) fn places(&self) -> Arc<[usize]> {
        self.places.clone()
    }

    /// `count` places from the `start`-th on.
    pub(super) fn take(&mut self, start: u64, count: usize) -> Vec<usize> {
        let length = self.places.len() as u64;
        let ordinals = (0..count as u64).map(|i| start.wrapping_add(i));
        ordinals
            .map(|n| self.permutation(n / length)[(n % length) as usize])
            .collect()
    }

    fn permutation(&mut self, number: u64) -> &[usize] {
        let current = self.current.take().filter(|(kept, _)| *kept == number);
        let (_, order) = self.current.insert(current.unwrap_or_else(|| {
            let mut order = self.places.to_vec();
            self.random.split_index(number).shuffle(&mut order);
            (number, order)
        }));
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sampler(count: usize, seed: u64) -> Sampler {
        let places: Vec<usize> = (100..100 + count).collect();
        Sampler::new(&places, Random::new(seed))
    }

    proptest! {
        #[test]
        fn every_pass_holds_every_place_once(count in 1usize..20, passes in 1usize..4, seed in 0u64..99) {
            let mut sampler = sampler(count, seed);
            for pass in 0..passes {
                let mut found = sampler.take((pass * count) as u64, count);
                found.sort_unstable();
                prop_assert_eq!(found, (100..100 + count).collect::<Vec<_>>());
            }
        }

        #[test]
        fn parts_are_the_whole(count in 1usize..20, cut in 0usize..40, seed in 0u64..99) {
            let whole = sampler(count, seed).take(0, 40);
            let mut parts = sampler(count, seed).take(0, cut);
            parts.extend(sampler(count, seed).take(cut as u64, 40 - cut));
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn passes_and_seeds_differ() {
        let mut a = sampler(30, 1);
        assert_ne!(a.take(0, 30), a.take(30, 30));
        assert_ne!(a.take(0, 30), sampler(30, 2).take(0, 30));
    }
}
