//! The balance loss in one operation.

use candle_core::{Result as CandleResult, Tensor};

use super::operation::{Returned, record2};
use super::real::Real;
use super::values::{Values, of_reals};
use crate::Result;

/// [`crate::balance_loss`] of importance and load `(E,)`; `None` where they lie on a device.
pub(crate) fn balance(importance: &Tensor, load: &Tensor, tiny: f64) -> Result<Option<Tensor>> {
    of_reals!([importance, load], |T| loss::<T>(importance, load, tiny))
}

fn loss<T: Real>(importance: &Tensor, load: &Tensor, tiny: f64) -> Result<Tensor> {
    let (importance, load) = (&importance.contiguous()?, &load.contiguous()?);
    let value: f64 = [importance, load]
        .map(|xs| Ok(squared_variation(&numbers::<T>(xs)?, tiny).0))
        .into_iter()
        .sum::<CandleResult<f64>>()?;
    let back = move |returned: Returned<'_, 2>| {
        let scale = numbers::<T>(returned.gradient)?[0];
        let of = |xs: &Tensor| -> CandleResult<Option<Tensor>> {
            if !xs.track_op() {
                return Ok(None);
            }
            let (_, slopes) = squared_variation(&numbers::<T>(xs)?, tiny);
            let slopes = slopes.into_iter().map(|slope| T::from_f64(scale * slope));
            Tensor::from_vec(slopes.collect(), xs.shape(), xs.device()).map(Some)
        };
        let [importance, load] = returned.arguments;
        Ok([of(importance)?, of(load)?])
    };
    let output = (vec![T::from_f64(value)], ());
    Ok(record2("balance", [importance, load], output, back)?)
}

fn numbers<T: Real>(xs: &Tensor) -> CandleResult<Vec<f64>> {
    let values = Values::<T>::of(xs)?;
    Ok(values.slice()?.iter().map(|x| x.to_f64()).collect())
}

/// The unbiased variance over the squared mean, and its gradient; 0 for fewer than two numbers.
fn squared_variation(xs: &[f64], tiny: f64) -> (f64, Vec<f64>) {
    let count = xs.len() as f64;
    if xs.len() < 2 {
        return (0., vec![0.; xs.len()]);
    }
    let mean = xs.iter().sum::<f64>() / count;
    let squares: f64 = xs.iter().map(|x| (x - mean).powi(2)).sum();
    let (variance, scale) = (squares / (count - 1.), mean * mean + tiny);
    let slope = |x: &f64| {
        2. * (x - mean) / (count - 1.) / scale - 2. * variance * mean / count / (scale * scale)
    };
    (variance / scale, xs.iter().map(slope).collect())
}
