//! The smooth ramp `ln(1 + e^x)`.

use candle_core::Tensor;

use crate::Result;

/// `ln(1 + e^x)`, finite for every finite x, with gradient `1/(1 + e^-x)`.
///
/// The form `max(x, 0) + ln(1 + e^-|x|)` with candle's `relu` has the right gradient 1/2 at 0; with
/// `maximum` it would be 0 there.
///
/// # Errors
/// Those of candle.
pub fn softplus(xs: &Tensor) -> Result<Tensor> {
    let tail = ((xs.abs()?.neg()?.exp()? + 1.)?).log()?;
    Ok((xs.relu()? + tail)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn value_and_gradient_at_zero_and_far_out() -> Result<()> {
        let xs = Var::new(&[-800f64, -1., 0., 1., 800.], &Device::Cpu)?;
        let ys = softplus(&xs)?;
        let grads = ys.sum_all()?.backward()?;
        let ys = ys.to_vec1::<f64>()?;
        let slopes = grads.get(&xs).expect("a gradient").to_vec1::<f64>()?;
        let expected = [
            0.,
            0.313_261_687_518,
            std::f64::consts::LN_2,
            1.313_261_687_518,
            800.,
        ];
        for (y, e) in ys.iter().zip(expected) {
            assert!((y - e).abs() < 1e-9, "{y} {e}");
        }
        let expected = [0., 0.268_941_421_37, 0.5, 0.731_058_578_63, 1.];
        for (s, e) in slopes.iter().zip(expected) {
            assert!((s - e).abs() < 1e-9, "{s} {e}");
        }
        Ok(())
    }
}
