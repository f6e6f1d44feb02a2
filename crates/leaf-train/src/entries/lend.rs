//! Lends the entries of tensors.

use std::cell::Cell;

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, DType, Error, InplaceOp1, Layout, Result as CandleResult, Storage, Tensor,
};

use super::Number;
use crate::Result;

/// Whether the tensors' entries can be lent together: all are contiguous on the processor, of this type
/// and of one length, and no two of them lie in the same place.
pub(super) fn can_lend(tensors: &[&Tensor], dtype: DType) -> bool {
    let mut places = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let place = place(tensor);
        let fits = tensor.device().is_cpu()
            && tensor.is_contiguous()
            && tensor.dtype() == dtype
            && tensor.shape() == tensors[0].shape();
        if !fits || places.contains(&place) {
            return false;
        }
        places.push(place);
    }
    true
}

/// What tells one storage from another; it is compared and never followed.
fn place(tensor: &Tensor) -> *const Storage {
    let (storage, _) = tensor.storage_and_layout();
    std::ptr::from_ref(&*storage)
}

/// Calls `work` with a tensor's entries if it is contiguous, on the processor and of type `T`.
pub(super) fn read<T: Number, R>(
    tensor: &Tensor,
    work: impl FnOnce(&[T]) -> R,
) -> Result<Option<R>> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) if tensor.dtype() == T::DTYPE => {
            Ok(Some(work(&storage.as_slice::<T>()?[start..end])))
        }
        _ => Ok(None),
    }
}

/// Calls `work` once with the entries of tensors that [`can_lend`] accepted, in their order.
pub(super) fn write<T: Number>(
    tensors: &[&Tensor],
    mut work: impl FnMut(Vec<&mut [T]>),
) -> Result<()> {
    Ok(nest(tensors, Vec::with_capacity(tensors.len()), &mut work)?)
}

/// candle lends one tensor for writing at a time, for the length of a call: so one call within another.
fn nest<T: Number>(
    tensors: &[&Tensor],
    lent: Vec<&mut [T]>,
    work: &mut dyn FnMut(Vec<&mut [T]>),
) -> CandleResult<()> {
    let Some((first, rest)) = tensors.split_first() else {
        work(lent);
        return Ok(());
    };
    let work: Work<T> = Box::new(|entries| {
        let mut lent = lent;
        lent.push(entries);
        nest(rest, lent, work)
    });
    first.inplace_op1(&Lend(Cell::new(Some(work))))
}

type Work<'a, T> = Box<dyn FnOnce(&mut [T]) -> CandleResult<()> + 'a>;

/// An operation in place that hands the entries on. candle calls it once, though by reference.
struct Lend<'a, T>(Cell<Option<Work<'a, T>>>);

impl<T: Number> InplaceOp1 for Lend<'_, T> {
    fn name(&self) -> &'static str {
        "lend"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> CandleResult<()> {
        let (start, end) = layout
            .contiguous_offsets()
            .ok_or_else(|| Error::RequiresContiguous { op: self.name() }.bt())?;
        let dtype = storage.dtype();
        let entries = T::entries_mut(storage)
            .ok_or_else(|| Error::UnsupportedDTypeForOp(dtype, self.name()).bt())?;
        match self.0.take() {
            Some(work) => work(&mut entries[start..end]),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    fn tensor(values: &[f32]) -> Result<Tensor> {
        Ok(Tensor::new(values, &Device::Cpu)?)
    }

    #[test]
    fn entries_are_written_where_they_lie() -> Result<()> {
        let (a, b) = (Var::new(&[1f32, 2., 3.], &Device::Cpu)?, tensor(&[4., 5.])?);
        // Also those of a view that begins later.
        let end = a.narrow(0, 1, 2)?.detach();
        assert!(can_lend(&[&end, &b], DType::F32));
        write::<f32>(&[&end, &b], |lent| {
            let [end, b] = <[_; 2]>::try_from(lent).expect("two were lent");
            end.swap_with_slice(b);
        })?;
        assert_eq!(a.to_vec1::<f32>()?, [1., 4., 5.]);
        assert_eq!(b.to_vec1::<f32>()?, [2., 3.]);
        assert_eq!(read(&end, |end: &[f32]| end.to_vec())?, Some(vec![4., 5.]));
        Ok(())
    }

    #[test]
    fn what_cannot_be_lent_together_is_not() -> Result<()> {
        let a = tensor(&[1., 2., 3., 4.])?.reshape((2, 2))?;
        let other = |tensor: &Tensor| can_lend(&[&a, tensor], DType::F32);
        assert!(other(&a.copy()?));
        assert!(!other(&a), "the same place");
        assert!(!other(&a.reshape((2, 2))?.detach()), "the same place");
        assert!(!other(&a.copy()?.t()?), "not contiguous");
        assert!(!other(&a.to_dtype(DType::F64)?), "another type");
        assert!(!other(&tensor(&[1.])?), "another shape");
        assert!(read::<f64, _>(&a, |_| ())?.is_none());
        assert!(read::<f32, _>(&a.t()?, |_| ())?.is_none());
        Ok(())
    }
}
