//! Randomness as a value: seeded, splittable, and saved as three integers.
//!
//! candle's CPU generator cannot be seeded, so everything random in this workspace (initial weights,
//! gate noise, dropout, splits, augmentation) draws from a [`Random`].

mod noise;
mod philox;

use candle_core::{DType, Device, Shape, Tensor};
use rand::RngCore;

pub use noise::NoiseSource;

use crate::Result;
use philox::philox4x32;

/// The whole state of a [`Random`]: what a checkpoint keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RandomState {
    /// What the user chose.
    pub seed: u64,
    /// Which of the seed's independent streams.
    pub stream: u64,
    /// How many 32-bit words of the stream were drawn.
    pub position: u64,
}

/// A counter-based random generator (Philox4x32-10) with independent named streams.
///
/// The n-th word depends on `(seed, stream, n)` alone: never on the machine, on threads or on what
/// other streams drew. It is a [`rand::RngCore`], so every distribution of `rand` works with it.
///
/// ```
/// use leaf_core::Random;
/// use rand::Rng;
///
/// let mut views = Random::new(7).split("views");
/// let first: f64 = views.random();
/// let mut again = Random::from_state(Random::new(7).split("views").state());
/// assert_eq!(first, again.random::<f64>());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: RandomState,
    block: [u32; 4],
}

impl Random {
    /// The first stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self::from_state(RandomState {
            seed,
            stream: 0,
            position: 0,
        })
    }

    /// Goes on where [`Random::state`] was taken.
    pub fn from_state(state: RandomState) -> Self {
        let mut random = Self {
            state,
            block: [0; 4],
        };
        random.block = random.current_block();
        random
    }

    /// What must be kept to go on from here.
    pub fn state(&self) -> RandomState {
        self.state
    }

    /// The stream of this seed with that name, from its start; it depends on the seed, this stream's
    /// identity and the name, not on what was drawn so far.
    pub fn split(&self, name: &str) -> Self {
        self.child(name.bytes().fold(FNV_OFFSET, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME)
        }))
    }

    /// The stream of this seed with that number, from its start (for the n-th epoch, face or view).
    pub fn split_index(&self, index: u64) -> Self {
        self.child(index)
    }

    fn child(&self, word: u64) -> Self {
        Self::from_state(RandomState {
            seed: self.state.seed,
            stream: mix(self.state.stream ^ mix(word.wrapping_add(GOLDEN_RATIO))),
            position: 0,
        })
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (0.5f64).powi(53)
    }

    /// A whole number in `0..bound`, each equally likely.
    ///
    /// The widening product's bias is below `bound / 2^64`. A bound of 0 gives 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next_u64()) * bound as u128) >> 64) as usize
    }

    /// Puts the items into a random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// Two independent standard normal numbers (Box-Muller).
    pub fn normal_pair(&mut self) -> (f64, f64) {
        let radius = (-2. * (1. - self.uniform()).ln()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        (radius * cosine, radius * sine)
    }

    /// A tensor of numbers uniform in `[low, high)`.
    ///
    /// # Errors
    /// Those of candle, when the tensor cannot be made on the device.
    pub fn uniform_tensor(
        &mut self,
        low: f64,
        high: f64,
        shape: impl Into<Shape>,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let values: Vec<f64> = (0..shape.elem_count())
            .map(|_| low + (high - low) * self.uniform())
            .collect();
        tensor(values, shape, dtype, device)
    }

    /// A tensor of normal numbers.
    ///
    /// # Errors
    /// Those of candle, when the tensor cannot be made on the device.
    pub fn normal_tensor(
        &mut self,
        mean: f64,
        std: f64,
        shape: impl Into<Shape>,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let shape = shape.into();
        let count = shape.elem_count();
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let (a, b) = self.normal_pair();
            values.push(mean + std * a);
            values.push(mean + std * b);
        }
        values.truncate(count);
        tensor(values, shape, dtype, device)
    }

    fn current_block(&self) -> [u32; 4] {
        let block = self.state.position / 4;
        let (stream, seed) = (self.state.stream, self.state.seed);
        philox4x32(
            [
                block as u32,
                (block >> 32) as u32,
                stream as u32,
                (stream >> 32) as u32,
            ],
            [seed as u32, (seed >> 32) as u32],
        )
    }
}

impl RngCore for Random {
    fn next_u32(&mut self) -> u32 {
        let word = self.block[(self.state.position % 4) as usize];
        self.state.position = self.state.position.wrapping_add(1);
        if self.state.position.is_multiple_of(4) {
            self.block = self.current_block();
        }
        word
    }

    fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        (u64::from(self.next_u32()) << 32) | low
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(4) {
            let word = self.next_u32().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15;
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// Scatters the bits of a stream's number (the finalizer of SplitMix64).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ (word >> 31)
}

fn tensor(values: Vec<f64>, shape: Shape, dtype: DType, device: &Device) -> Result<Tensor> {
    // Metal has no f64: convert before the copy to the device.
    let values = Tensor::from_vec(values, shape, &Device::Cpu)?;
    Ok(values.to_dtype(dtype)?.to_device(device)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_state_continues_the_stream() {
        let mut random = Random::new(3).split("noise");
        for _ in 0..7 {
            random.next_u32();
        }
        let mut resumed = Random::from_state(random.state());
        let expected: Vec<u32> = (0..9).map(|_| random.next_u32()).collect();
        let found: Vec<u32> = (0..9).map(|_| resumed.next_u32()).collect();
        assert_eq!(expected, found);
    }

    #[test]
    fn streams_differ_by_seed_name_and_number() {
        let root = Random::new(3);
        let mut firsts = vec![
            root.clone().next_u64(),
            Random::new(4).next_u64(),
            root.split("a").next_u64(),
            root.split("b").next_u64(),
            root.split("a").split("b").next_u64(),
            root.split("b").split("a").next_u64(),
        ];
        firsts.extend((0..100).map(|i| root.split_index(i).next_u64()));
        let count = firsts.len();
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), count);
    }

    #[test]
    fn normal_numbers_have_the_asked_moments() -> Result<()> {
        let xs = Random::new(1).normal_tensor(2., 3., 20_000, DType::F64, &Device::Cpu)?;
        let mean = xs.mean_all()?.to_scalar::<f64>()?;
        let variance = (xs - mean)?.sqr()?.mean_all()?.to_scalar::<f64>()?;
        assert!((mean - 2.).abs() < 0.1, "{mean}");
        assert!((variance - 9.).abs() < 0.4, "{variance}");
        Ok(())
    }

    #[test]
    fn uniform_numbers_stay_in_range() -> Result<()> {
        let xs = Random::new(1).uniform_tensor(-0.5, 0.5, 10_000, DType::F32, &Device::Cpu)?;
        let xs = xs.to_vec1::<f32>()?;
        assert!(xs.iter().all(|x| (-0.5..=0.5).contains(x)));
        assert!((xs.iter().sum::<f32>() / 10_000.).abs() < 0.02);
        Ok(())
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..50).collect();
        Random::new(9).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
