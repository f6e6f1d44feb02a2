//! A candle tensor's numbers.

use candle_core::{DType, Error, Result as CandleResult, Storage, Tensor};

use crate::error::Result;
use crate::kernels::scratch::Scratch;

/// Calls `read` with the numbers of a contiguous f32 tensor on the processor.
pub(crate) fn with_values<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        return Err(Error::Msg("a map's layer must be on the processor".to_owned()).into());
    };
    let (start, end) = layout
        .contiguous_offsets()
        .ok_or(Error::RequiresContiguous { op: "pass" })?;
    Ok(read(&storage.as_slice::<f32>()?[start..end]))
}

/// A gradient's numbers in a buffer.
pub(crate) fn contiguous_values(gradient: &Tensor) -> CandleResult<Scratch> {
    let gradient = gradient.to_dtype(DType::F32)?;
    with_values(&gradient, |values| {
        let mut buffer = Scratch::take(values.len());
        buffer.copy_from_slice(values);
        buffer
    })
    .map_err(Error::wrap)
}
