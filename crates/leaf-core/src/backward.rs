//! The backward pass of a loss, with a shorter way for large gradients.

use std::cell::RefCell;
use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, TensorId};

use crate::Result;

/// A variable's gradient outside candle's store.
struct Deposit {
    variable: Tensor,
    gradient: Vec<f32>,
}

thread_local! {
    /// The deposits of the backward pass that runs on this thread; none where candle's own runs.
    static DEPOSITS: RefCell<Option<HashMap<TensorId, Deposit>>> = const { RefCell::new(None) };
}

/// `loss.backward()`, with the same gradients.
///
/// candle adds each gradient that an operation gives to a new tensor of zeros, and adds up those of
/// several uses into new tensors again. For the weights of a large encoder that passes over them many
/// times. Operations that know of this function ([`deposit`]) hand their variables' gradients over
/// instead, and they are added up in place.
///
/// ```
/// use candle_core::{Device, Var};
///
/// # fn main() -> leaf_core::Result<()> {
/// let weight = Var::new(&[3f32, 4.], &Device::Cpu)?;
/// let gradients = leaf_core::backward(&weight.sqr()?.sum_all()?)?;
/// assert_eq!(gradients.get(&weight).expect("a gradient").to_vec1::<f32>()?, [6., 8.]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of candle.
pub fn backward(loss: &Tensor) -> Result<GradStore> {
    let outer = DEPOSITS.replace(Some(HashMap::new()));
    let store = loss.backward();
    let deposits = DEPOSITS.replace(outer).unwrap_or_default();
    let mut store = store?;
    for Deposit { variable, gradient } in deposits.into_values() {
        let gradient = Tensor::from_vec(gradient, variable.shape(), &Device::Cpu)?;
        let gradient = match store.remove(&variable) {
            Some(other) => (gradient + other)?,
            None => gradient,
        };
        store.insert(&variable, gradient);
    }
    Ok(store)
}

/// Hands over a variable's f32 gradient from inside the backward pass of an operation that runs on the
/// processor. An earlier one of the same variable gets it added by `add` (`a += b`).
///
/// Gives the gradient back where nobody waits for it, since candle's own backward pass runs or the tensor
/// is no variable: then the operation must return it to candle. Otherwise it returns none, and this
/// function a buffer that is not needed any more, if there is one.
pub fn deposit(
    variable: &Tensor,
    gradient: Vec<f32>,
    add: impl FnOnce(&mut [f32], &[f32]),
) -> std::result::Result<Option<Vec<f32>>, Vec<f32>> {
    if !variable.is_variable() || variable.elem_count() != gradient.len() {
        return Err(gradient);
    }
    DEPOSITS.with_borrow_mut(|deposits| match deposits {
        None => Err(gradient),
        Some(deposits) => match deposits.get_mut(&variable.id()) {
            Some(deposit) => {
                add(&mut deposit.gradient, &gradient);
                Ok(Some(gradient))
            }
            None => {
                let variable = variable.clone();
                deposits.insert(variable.id(), Deposit { variable, gradient });
                Ok(None)
            }
        },
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Var};

    use super::*;

    /// `3 x`, whose gradient is deposited.
    struct Triple;

    impl CustomOp1 for Triple {
        fn name(&self) -> &'static str {
            "triple"
        }

        fn cpu_fwd(
            &self,
            xs: &CpuStorage,
            layout: &Layout,
        ) -> candle_core::Result<(CpuStorage, Shape)> {
            let values = xs.as_slice::<f32>()?.iter().map(|x| 3. * x).collect();
            Ok((CpuStorage::F32(values), layout.shape().clone()))
        }

        fn bwd(
            &self,
            xs: &Tensor,
            _: &Tensor,
            dys: &Tensor,
        ) -> candle_core::Result<Option<Tensor>> {
            let gradient = (dys * 3.)?.to_vec1::<f32>()?;
            let add = |a: &mut [f32], b: &[f32]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            match deposit(xs, gradient, add) {
                Ok(_) => Ok(None),
                Err(gradient) => Ok(Some(Tensor::from_vec(gradient, xs.shape(), xs.device())?)),
            }
        }
    }

    fn gradients(of: impl Fn(&Tensor) -> Result<GradStore>) -> Result<Vec<f32>> {
        let xs = Var::new(&[1f32, 2.], &Device::Cpu)?;
        // Two deposits, one through a tensor that is no variable, and one use that candle knows.
        let ys = (xs.apply_op1(Triple)? + xs.apply_op1(Triple)?)?;
        let ys = ((ys + xs.affine(2., 0.)?.apply_op1(Triple)?)? + xs.sqr()?)?;
        let store = of(&ys.sum_all()?)?;
        Ok(store.get(&xs).expect("a gradient").to_vec1()?)
    }

    #[test]
    fn both_ways_give_the_same() -> Result<()> {
        let wanted = vec![14., 16.];
        assert_eq!(gradients(backward)?, wanted);
        assert_eq!(gradients(|loss| Ok(loss.backward()?))?, wanted);
        Ok(())
    }

    #[test]
    fn nothing_is_left_behind() -> Result<()> {
        let xs = Var::new(&[1f32, 2.], &Device::Cpu)?;
        backward(&xs.apply_op1(Triple)?.sum_all()?)?;
        let store = xs.apply_op1(Triple)?.sum_all()?.backward()?;
        assert!(store.get(&xs).is_some());
        Ok(())
    }
}
