//! Numbers of tensors in the processor's memory, read where they lie.

use std::marker::PhantomData;
use std::ops::{Deref, Range};

use candle_core::{Error, Result, Storage, Tensor, WithDType};

/// Runs `$f` for the type of tensors that are all f32 or all f64 in the processor's memory; otherwise
/// gives `Ok(None)`.
macro_rules! of_reals {
    ([$first:expr $(, $other:expr)*], |$kind:ident| $f:expr) => {{
        let first: &candle_core::Tensor = $first;
        let alike = true $(&& $other.dtype() == first.dtype() && $other.device().is_cpu())*;
        match first.dtype() {
            candle_core::DType::F32 if alike && first.device().is_cpu() => {
                type $kind = f32;
                Some($f).transpose()
            }
            candle_core::DType::F64 if alike && first.device().is_cpu() => {
                type $kind = f64;
                Some($f).transpose()
            }
            _ => Ok(None),
        }
    }};
}
pub(super) use of_reals;

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
