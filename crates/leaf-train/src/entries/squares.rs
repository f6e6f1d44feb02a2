//! Sums of squares.

use candle_core::{DType, Tensor};
use pulp::{Arch, Simd, WithSimd};

use super::{Number, cut, lend};
use crate::Result;

/// So many sums grow side by side, whatever the width of the processor's vectors: the same additions
/// everywhere.
const LANES: usize = 16;

/// The sum of the entries' squares in double precision, always added up in the same order; nothing if the
/// tensor is not contiguous f32 or f64 on the processor.
///
/// A sum beyond the largest number of the tensor's type is infinite, as on other devices: what squares such
/// a gradient in its own type (Adam does) could not go on with it.
pub(crate) fn squared_sum(tensor: &Tensor) -> Result<Option<f64>> {
    match tensor.dtype() {
        DType::F32 => lend::read(tensor, in_range::<f32>),
        DType::F64 => lend::read(tensor, in_range::<f64>),
        _ => Ok(None),
    }
}

fn in_range<T: Number>(entries: &[T]) -> f64 {
    let sum = of_halves(entries);
    match T::of(sum).wide() {
        rounded if rounded.is_infinite() => rounded,
        _ => sum,
    }
}

fn of_halves<T: Number>(entries: &[T]) -> f64 {
    let Some(middle) = cut(entries.len()) else {
        return Arch::new().dispatch(OneTask(entries));
    };
    let (first, second) = entries.split_at(middle);
    let (first, second) = rayon::join(|| of_halves(first), || of_halves(second));
    first + second
}

struct OneTask<'a, T>(&'a [T]);

impl<T: Number> WithSimd for OneTask<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let mut sums = [0.; LANES];
        let (blocks, rest) = self.0.as_chunks::<LANES>();
        for block in blocks {
            for (sum, entry) in sums.iter_mut().zip(block) {
                *sum += entry.wide() * entry.wide();
            }
        }
        for (sum, entry) in sums.iter_mut().zip(rest) {
            *sum += entry.wide() * entry.wide();
        }
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use leaf_core::Random;
    use pulp::Scalar;

    use super::*;

    fn draw(len: usize) -> Vec<f32> {
        let mut random = Random::new(len as u64);
        (0..len).map(|_| random.uniform() as f32 - 0.5).collect()
    }

    #[test]
    fn squares_are_added_up() -> Result<()> {
        for len in [0, 1, 15, 16, 37, 100_000] {
            let entries = draw(len);
            let wanted: f64 = entries.iter().map(|x| f64::from(*x).powi(2)).sum();
            let tensor = Tensor::from_slice(&entries, len, &Device::Cpu)?;
            for tensor in [tensor.to_dtype(DType::F64)?, tensor] {
                let found = squared_sum(&tensor)?.expect("contiguous, on the processor");
                assert!((found - wanted).abs() <= 1e-12 * wanted, "{len}: {found}");
            }
        }
        // Each square is beyond the largest f32.
        let large = Tensor::new(&[3e30f32, 4e30], &Device::Cpu)?;
        assert_eq!(squared_sum(&large)?, Some(f64::INFINITY));
        let found = squared_sum(&large.to_dtype(DType::F64)?)?.expect("contiguous");
        assert!((found.sqrt() / 5e30 - 1.).abs() < 1e-6);
        Ok(())
    }

    #[test]
    fn the_bits_depend_neither_on_threads_nor_on_vectors() {
        let entries = draw(300_001);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool").install(|| of_halves(&entries))
        };
        assert_eq!(on(1).to_bits(), on(2).to_bits());
        let task = &entries[..5_001];
        let alone = OneTask(task).with_simd(Scalar);
        assert_eq!(of_halves(task).to_bits(), alone.to_bits());
    }
}
