//! What the operations written for the processor share.

use candle_core::{CpuStorage, DType, Error, Layout, Result, Tensor, WithDType};

/// Whether the operations of this crate that are written for the processor can serve this tensor;
/// other devices and number types use candle's operations.
pub(crate) fn serves(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && matches!(tensor.dtype(), DType::F32 | DType::F64)
}

/// The entries of a contiguous tensor in order.
pub(crate) fn entries<'a, T: WithDType>(
    op: &'static str,
    storage: &'a CpuStorage,
    layout: &Layout,
) -> Result<&'a [T]> {
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or_else(|| Error::RequiresContiguous { op }.bt())?;
    Ok(&T::cpu_storage_as_slice(storage)?[start..end])
}

/// Calls a method that is generic in the number type with the type of a storage.
macro_rules! by_dtype {
    ($op:expr, $storage:expr, $receiver:ident . $method:ident ( $($arg:expr),* $(,)? )) => {
        match $storage {
            candle_core::CpuStorage::F32(_) => $receiver.$method::<f32>($($arg),*),
            candle_core::CpuStorage::F64(_) => $receiver.$method::<f64>($($arg),*),
            other => {
                use candle_core::backend::BackendStorage;
                Err(candle_core::Error::UnsupportedDTypeForOp(other.dtype(), $op).bt())
            }
        }
    };
}
pub(crate) use by_dtype;
