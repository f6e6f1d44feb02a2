//! Scaling rows to unit length.

use candle_core::Tensor;

use crate::Result;

/// Squared length below which a row counts as zero (PyTorch's `normalize` has 1e-12 for the length).
const TINY: f64 = 1e-24;

/// `x / ||x||` for each row of `(N, D)`; a zero row stays zero, with a finite gradient.
///
/// The bound is inside the root, since candle's root has an infinite slope at 0.
///
/// # Errors
/// Those of candle.
pub fn unit_length(xs: &Tensor) -> Result<Tensor> {
    let length = (xs.sqr()?.sum_keepdim(1)? + TINY)?.sqrt()?;
    Ok(xs.broadcast_div(&length)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn zero_rows_stay_zero_with_finite_gradients() -> Result<()> {
        let xs = Var::new(&[[3f32, 4.], [0., 0.]], &Device::Cpu)?;
        let ys = unit_length(&xs)?;
        assert_eq!(ys.to_vec2::<f32>()?, [[0.6, 0.8], [0., 0.]]);
        let grads = ys.sum_all()?.backward()?;
        let slopes = grads.get(&xs).expect("a gradient").flatten_all()?;
        assert!(slopes.to_vec1::<f32>()?.iter().all(|s| s.is_finite()));
        Ok(())
    }
}
