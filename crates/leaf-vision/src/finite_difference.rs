//! Compares gradients with differences of values, for the tests of every layer.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::Random;

use crate::error::Result;

/// A variable of normal numbers in f64.
pub(crate) fn normal(seed: u64, shape: &[usize]) -> Result<Var> {
    let values = Random::new(seed).normal_tensor(0., 1., shape, DType::F64, &Device::Cpu);
    Ok(Var::from_tensor(&values.expect("random numbers"))?)
}

/// Fails unless the gradient of each entry of each variable is the central difference of
/// `sum(outputs * fixed random numbers)`, within 1e-6 of the largest of them.
pub(crate) fn check(vars: &[&Var], outputs: impl Fn() -> Result<Tensor>) -> Result<()> {
    const STEP: f64 = 1e-5;
    let cotangent = normal(99, outputs()?.dims())?.detach();
    let loss = || -> Result<Tensor> { Ok((outputs()? * &cotangent)?.sum_all()?) };
    let gradients = loss()?.backward()?;
    for (place, var) in vars.iter().enumerate() {
        let gradient = gradients.get(var).expect("a gradient for each variable");
        assert_eq!(gradient.dims(), var.dims());
        let gradient = gradient.flatten_all()?.to_vec1::<f64>()?;
        let start = var.flatten_all()?.to_vec1::<f64>()?;
        let at = |values: Vec<f64>| -> Result<f64> {
            var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?;
            Ok(loss()?.to_scalar()?)
        };
        let mut differences = Vec::new();
        for entry in 0..start.len() {
            let [mut above, mut below] = [start.clone(), start.clone()];
            above[entry] += STEP;
            below[entry] -= STEP;
            differences.push((at(above)? - at(below)?) / (2. * STEP));
        }
        at(start)?;
        let largest = differences.iter().fold(1f64, |m, d| m.max(d.abs()));
        for (entry, (found, wanted)) in gradient.iter().zip(&differences).enumerate() {
            assert!(
                (found - wanted).abs() < 1e-6 * largest,
                "variable {place}, entry {entry}: {found}, expected {wanted}"
            );
        }
    }
    Ok(())
}
