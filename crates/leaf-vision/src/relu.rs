//! The rectifier.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, Layout, Result as CandleResult, Shape, Tensor, WithDType,
};
use rayon::prelude::*;

use crate::cpu::{self, by_dtype, entries};
use crate::error::Result;

/// Entries that one task computes.
const TASK: usize = 16 * 1024;

/// `max(x, 0)`. On the processor the gradient is computed in one pass and is 0 at 0, as in PyTorch
/// (candle's is 1 there).
pub(crate) fn relu(xs: &Tensor) -> Result<Tensor> {
    if cpu::serves(xs) {
        return Ok(xs.contiguous()?.apply_op1(Relu)?);
    }
    Ok(xs.relu()?)
}

struct Relu;

impl Relu {
    fn forward<T: WithDType>(
        &self,
        x: &CpuStorage,
        layout: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        let xs = entries::<T>(self.name(), x, layout)?;
        // What is no number stays as it is.
        let rectified = |x: &T| if *x < T::zero() { T::zero() } else { *x };
        let ys: Vec<T> = xs.par_iter().with_min_len(TASK).map(rectified).collect();
        Ok((T::to_cpu_storage_owned(ys), layout.shape().clone()))
    }
}

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> CandleResult<(CpuStorage, Shape)> {
        by_dtype!("relu", x, self.forward(x, layout))
    }

    fn bwd(&self, _xs: &Tensor, ys: &Tensor, ys_gradient: &Tensor) -> CandleResult<Option<Tensor>> {
        let dys = ys_gradient.contiguous()?;
        Ok(Some(ys.apply_op2_no_bwd(&dys, &WherePositive)?))
    }
}

/// The second argument where the first is above 0, and 0 elsewhere.
struct WherePositive;

impl WherePositive {
    fn forward<T: WithDType>(
        &self,
        (y, y_layout): (&CpuStorage, &Layout),
        (dy, dy_layout): (&CpuStorage, &Layout),
    ) -> CandleResult<(CpuStorage, Shape)> {
        let ys = entries::<T>(self.name(), y, y_layout)?;
        let dys = entries::<T>(self.name(), dy, dy_layout)?;
        let passed = |(y, dy): (&T, &T)| if *y > T::zero() { *dy } else { T::zero() };
        let pairs = ys.par_iter().zip(dys).with_min_len(TASK);
        let dxs: Vec<T> = pairs.map(passed).collect();
        Ok((T::to_cpu_storage_owned(dxs), y_layout.shape().clone()))
    }
}

impl CustomOp2 for WherePositive {
    fn name(&self) -> &'static str {
        "relu's gradient"
    }

    fn cpu_fwd(
        &self,
        y: &CpuStorage,
        y_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        by_dtype!("relu", y, self.forward((y, y_layout), (dy, dy_layout)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn rectifies_and_passes_the_gradient_above_zero() -> Result<()> {
        let xs = Var::new(&[-1f64, 0., 2., f64::NAN], &Device::Cpu)?;
        let ys = relu(&xs)?;
        let values = ys.to_vec1::<f64>()?;
        assert_eq!(values[..3], [0., 0., 2.]);
        assert!(values[3].is_nan());
        let gradients = ys.narrow(0, 0, 3)?.sqr()?.sum_all()?.backward()?;
        let gradient = gradients.get(&xs).expect("a gradient").to_vec1::<f64>()?;
        assert_eq!(gradient, [0., 0., 4., 0.]);
        Ok(())
    }
}
