//! Numbers of tensors in the processor's memory, read where they lie.

use std::marker::PhantomData;
use std::ops::{Deref, Range};

use candle_core::{DType, Error, Result, Storage, Tensor, WithDType};

/// Whether a tensor lies in the processor's memory as f32.
pub(super) fn is_f32(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == DType::F32
}

/// Whether a tensor lies in the processor's memory as f32 or f64.
pub(super) fn is_real(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && matches!(tensor.dtype(), DType::F32 | DType::F64)
}

/// A tensor's numbers, which nobody changes while this lives.
pub(super) struct Values<'a, T> {
    /// A lock of a kind that candle does not name.
    storage: Box<dyn Deref<Target = Storage> + 'a>,
    range: Range<usize>,
    kind: PhantomData<T>,
}

impl<'a, T: WithDType> Values<'a, T> {
    /// Of a contiguous tensor.
    pub(super) fn of(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let (start, end) = layout.contiguous_offsets().ok_or_else(|| {
            Error::Msg("a tensor is expected to be contiguous here".to_owned()).bt()
        })?;
        Ok(Self {
            storage: Box::new(storage),
            range: start..end,
            kind: PhantomData,
        })
    }

    pub(super) fn slice(&self) -> Result<&[T]> {
        match &**self.storage {
            Storage::Cpu(storage) => Ok(&storage.as_slice::<T>()?[self.range.clone()]),
            _ => Err(Error::Msg("a tensor is expected on the processor here".to_owned()).bt()),
        }
    }
}
