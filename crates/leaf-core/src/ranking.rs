//! Each row's values in order.

use candle_core::{DType, Tensor};

use crate::Result;

/// The places of each row's values, the largest first, ties by the lower place: `(N, C)` to `(N, C)`,
/// u32.
///
/// Every value is compared with every other one of its row. C is small here (experts, classes), and
/// unlike candle's sorts this keeps ties in order on every device and does not panic where a value is
/// not a number.
pub(crate) fn descending(xs: &Tensor) -> Result<Tensor> {
    let columns = xs.dim(1)?;
    let xs = xs.detach();
    let (own, other) = (xs.unsqueeze(2)?, xs.unsqueeze(1)?);
    let larger = other.broadcast_gt(&own)?;
    let places = Tensor::arange(0, columns as u32, xs.device())?;
    let lower = places.unsqueeze(0)?.broadcast_lt(&places.unsqueeze(1)?)?;
    let tied_and_lower = other.broadcast_eq(&own)?.broadcast_mul(&lower)?;
    // Nothing is both larger and tied, so the sum counts who comes before.
    let before = (larger + tied_and_lower)?.to_dtype(DType::U32)?;
    let ranks = before.sum(2)?;
    let places = places.unsqueeze(0)?.broadcast_as(ranks.shape())?;
    Ok(ranks
        .zeros_like()?
        .scatter(&ranks, &places.contiguous()?, 1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn ties_keep_their_order() -> Result<()> {
        let xs = Tensor::new(&[[0.5f32, 2., 0.5, 2.], [0., 0., 0., 0.]], &Device::Cpu)?;
        let order = descending(&xs)?.to_vec2::<u32>()?;
        assert_eq!(order, [[1, 3, 0, 2], [0, 1, 2, 3]]);
        Ok(())
    }

    #[test]
    fn what_is_not_a_number_does_no_harm() -> Result<()> {
        let xs: Vec<f32> = (0..64)
            .map(|i| if i % 3 == 0 { f32::NAN } else { i as f32 })
            .collect();
        let order = descending(&Tensor::from_vec(xs, (1, 64), &Device::Cpu)?)?;
        assert!(order.to_vec2::<u32>()?[0].iter().all(|place| *place < 64));
        Ok(())
    }
}
