//! NumPy's legacy shuffle, for splits that other people published.

use rand_mt::Mt;

/// What `numpy.random.seed(seed)` and then `numpy.random.shuffle` do: the same orders, number for
/// number, and further shuffles continue the stream.
///
/// ```
/// use leaf_data::split::NumpyShuffle;
///
/// let mut places: Vec<usize> = (0..10).collect();
/// NumpyShuffle::new(5).shuffle(&mut places);
/// assert_eq!(places, [9, 5, 2, 4, 7, 1, 0, 8, 6, 3]);
/// ```
#[derive(Clone, Debug)]
pub struct NumpyShuffle(Mt);

impl NumpyShuffle {
    /// Starts NumPy's generator (MT19937).
    pub fn new(seed: u32) -> Self {
        Self(Mt::new(seed))
    }

    /// Puts the items into NumPy's order; of lists above 2^32 items only the first 2^32 move.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len().min(u32::MAX as usize)).rev() {
            let j = self.up_to(i as u32);
            items.swap(i, j as usize);
        }
    }

    /// A whole number in `0..=most`: draws are cut to as many bits as `most` has and repeated until
    /// one fits.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
        loop {
            let draw = self.0.next_u32() & mask;
            if draw <= most {
                return draw;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As NumPy 1.24 gives them.
    #[test]
    fn the_first_numbers_of_seed_5() {
        let mut generator = NumpyShuffle::new(5).0;
        let found: [u32; 4] = std::array::from_fn(|_| generator.next_u32());
        assert_eq!(
            found,
            [953_453_411, 236_996_814, 3_739_766_767, 3_570_525_885]
        );
    }

    #[test]
    fn shuffles_continue_the_stream() {
        let order = |shuffle: &mut NumpyShuffle| {
            let mut items: Vec<u8> = (0..10).collect();
            shuffle.shuffle(&mut items);
            items
        };
        let mut shuffle = NumpyShuffle::new(5);
        assert_eq!(order(&mut shuffle), [9, 5, 2, 4, 7, 1, 0, 8, 6, 3]);
        assert_ne!(order(&mut shuffle), [9, 5, 2, 4, 7, 1, 0, 8, 6, 3]);
        shuffle.shuffle::<u8>(&mut []);
    }
}
