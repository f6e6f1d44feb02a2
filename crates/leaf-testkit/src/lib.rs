//! What the workspace's tests share: finite differences.

use candle_core::{DType, Result, Tensor, Var};

/// Half the distance of the two points that a difference is taken of.
const STEP: f64 = 1e-5;

/// Fails unless the gradient of every entry of every variable agrees with central differences.
///
/// The variables are f64; `loss` computes a scalar of their current values. An entry may be off by
/// 1e-6 of the largest entry of its gradient and 1e-8.
///
/// # Errors
/// Those of `loss`.
///
/// # Panics
/// When a gradient is missing or wrong, naming variable, entry and both values.
pub fn assert_gradients<E: From<candle_core::Error>>(
    vars: &[(&str, &Var)],
    loss: impl Fn() -> std::result::Result<Tensor, E>,
) -> std::result::Result<(), E> {
    let grads = loss()?.backward()?;
    for (name, var) in vars {
        let grad = grads
            .get(var)
            .unwrap_or_else(|| panic!("{name} gets no gradient"));
        let analytic: Vec<f64> = grad.flatten_all()?.to_vec1()?;
        let numeric = differences(var, &loss)?;
        let largest = numeric.iter().fold(0f64, |m, g| m.max(g.abs()));
        for (i, (a, n)) in analytic.iter().zip(&numeric).enumerate() {
            assert!(
                (a - n).abs() <= 1e-6 * largest + 1e-8,
                "gradient of {name}[{i}]: {a}, by differences {n}"
            );
        }
    }
    Ok(())
}

fn differences<E: From<candle_core::Error>>(
    var: &Var,
    loss: &impl Fn() -> std::result::Result<Tensor, E>,
) -> std::result::Result<Vec<f64>, E> {
    let original: Vec<f64> = var.flatten_all()?.to_vec1()?;
    let at = |values: Vec<f64>| -> std::result::Result<f64, E> {
        var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
        Ok(loss()?.to_dtype(DType::F64)?.to_scalar::<f64>()?)
    };
    let mut numeric = Vec::with_capacity(original.len());
    for i in 0..original.len() {
        let moved = |by: f64| {
            let mut values = original.clone();
            values[i] += by;
            values
        };
        numeric.push((at(moved(STEP))? - at(moved(-STEP))?) / (2. * STEP));
    }
    at(original)?;
    Ok(numeric)
}

/// A tensor's entries as f64, in order.
///
/// # Errors
/// Those of candle.
pub fn entries(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn right_gradients_pass() -> Result<()> {
        let x = Var::new(&[1f64, -2., 3.], &Device::Cpu)?;
        assert_gradients(&[("x", &x)], || x.sqr()?.sum_all())
    }

    #[test]
    #[should_panic(expected = "gradient of x[0]")]
    fn wrong_gradients_fail() {
        let x = Var::new(&[1f64], &Device::Cpu).expect("a variable");
        // The detached factor hides half of the slope.
        assert_gradients(&[("x", &x)], || x.detach().mul(x.as_tensor())?.sum_all())
            .expect("no other error");
    }
}
