//! Where layers take their noise from.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Tensor};

use super::{Random, RandomState};
use crate::{Error, Result};

/// A shared, seeded source of noise for gates and dropout.
///
/// Clones draw from the same stream, so that the noise of a whole network is saved and restored as
/// one [`RandomState`]. Layers draw in the order in which they run.
#[derive(Clone, Debug)]
pub struct NoiseSource(Arc<Mutex<Source>>);

#[derive(Debug)]
enum Source {
    Stream(Random),
    Recorded(VecDeque<Tensor>),
}

impl NoiseSource {
    /// Draws from this stream.
    pub fn new(random: Random) -> Self {
        Self(Arc::new(Mutex::new(Source::Stream(random))))
    }

    /// Gives back these tensors in order, one a draw: noise that was drawn elsewhere, for instance
    /// by another framework that one compares with.
    pub fn recorded(tensors: impl IntoIterator<Item = Tensor>) -> Self {
        let tensors = tensors.into_iter().collect();
        Self(Arc::new(Mutex::new(Source::Recorded(tensors))))
    }

    /// Standard normal noise of shape `dims`.
    ///
    /// # Errors
    /// [`Error::RecordedNoise`] if recorded noise is exhausted or has another shape.
    pub fn normal(&self, dims: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        match &mut *self.lock() {
            Source::Stream(random) => random.normal_tensor(0., 1., dims, dtype, device),
            Source::Recorded(tensors) => next_recorded(tensors, dims),
        }
    }

    /// Noise of shape `dims`, uniform in `[0, 1)`.
    ///
    /// # Errors
    /// [`Error::RecordedNoise`] if recorded noise is exhausted or has another shape.
    pub fn uniform(&self, dims: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        match &mut *self.lock() {
            Source::Stream(random) => random.uniform_tensor(0., 1., dims, dtype, device),
            Source::Recorded(tensors) => next_recorded(tensors, dims),
        }
    }

    /// What a checkpoint keeps; `None` for recorded noise.
    pub fn state(&self) -> Option<RandomState> {
        match &*self.lock() {
            Source::Stream(random) => Some(random.state()),
            Source::Recorded(_) => None,
        }
    }

    /// Goes on, in this source and all its clones, where the state was taken.
    pub fn restore(&self, state: RandomState) {
        *self.lock() = Source::Stream(Random::from_state(state));
    }

    /// A panic in another thread cannot leave a generator half-changed, so its poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Source> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_recorded(tensors: &mut VecDeque<Tensor>, dims: &[usize]) -> Result<Tensor> {
    let next = tensors.pop_front();
    match next {
        Some(tensor) if tensor.dims() == dims => Ok(tensor),
        other => Err(Error::RecordedNoise {
            wanted: dims.to_vec(),
            found: other.map(|tensor| tensor.dims().to_vec()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_stream_that_can_be_restored() -> Result<()> {
        let source = NoiseSource::new(Random::new(5));
        let clone = source.clone();
        let state = source.state().expect("a stream has a state");
        let draw = |s: &NoiseSource| -> Result<Vec<f64>> {
            Ok(s.normal(&[4], DType::F64, &Device::Cpu)?.to_vec1()?)
        };
        let (first, second) = (draw(&source)?, draw(&clone)?);
        assert_ne!(first, second);
        clone.restore(state);
        assert_eq!(draw(&source)?, first);
        assert_eq!(draw(&source)?, second);
        Ok(())
    }

    #[test]
    fn recorded_noise_comes_back_in_order_and_ends() -> Result<()> {
        let tensor = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
        let source = NoiseSource::recorded([tensor]);
        let drawn = source.normal(&[2], DType::F32, &Device::Cpu)?;
        assert_eq!(drawn.to_vec1::<f32>()?, [1., 2.]);
        assert!(source.normal(&[2], DType::F32, &Device::Cpu).is_err());
        assert!(source.state().is_none());
        Ok(())
    }
}
