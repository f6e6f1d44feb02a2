//! The gradients of one step, by the names of their parameters.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};

use crate::{Result, entries};

/// What is added to a norm before dividing by it, as in PyTorch.
const NORM_EPS: f64 = 1e-6;

/// The gradients of a loss, by the names of the parameters, in a fixed order.
///
/// ```
/// use candle_core::{Device, Var};
/// use leaf_train::Gradients;
///
/// # fn main() -> leaf_train::Result<()> {
/// let weight = Var::new(&[3f32, 4.], &Device::Cpu)?;
/// let loss = (weight.sqr()?.sum_all()? / 2.)?;
/// let mut gradients = Gradients::of(&loss, &[("weight".to_owned(), weight)])?;
/// assert_eq!(gradients.clip(1.)?, 5.);
/// assert!((gradients.norm()? - 1.).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    by_name: BTreeMap<String, Tensor>,
}

impl Gradients {
    /// Runs the backward pass of a scalar loss. Parameters that the loss does not depend on get no
    /// entry.
    ///
    /// # Errors
    /// Those of candle.
    pub fn of(loss: &Tensor, parameters: &[(String, Var)]) -> Result<Self> {
        let mut store = leaf_core::backward(loss)?;
        let by_name: Self = parameters
            .iter()
            .filter_map(|(name, var)| Some((name.clone(), store.remove(var)?)))
            .collect();
        Ok(by_name)
    }

    /// A parameter's gradient.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.by_name.get(name)
    }

    /// All of them, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.by_name
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The L2 norm of all entries of all gradients; 0 without gradients.
    ///
    /// On the processor f32 and f64 are added up in double precision and in a fixed order, whatever the
    /// number of threads. A sum of squares that the gradients' own type cannot hold is infinite.
    ///
    /// # Errors
    /// Those of candle.
    pub fn norm(&self) -> Result<f64> {
        let mut sum = 0.;
        let mut elsewhere = Vec::new();
        for gradient in self.by_name.values() {
            match entries::squared_sum(gradient)? {
                Some(squares) => sum += squares,
                None => elsewhere.push(squared_sum(gradient)?),
            }
        }
        if !elsewhere.is_empty() {
            // One transfer from the device for all parameters.
            let squares = Tensor::stack(&elsewhere, 0)?.to_device(&Device::Cpu)?;
            let squares = squares.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            sum += squares.iter().sum::<f64>();
        }
        Ok(sum.sqrt())
    }

    /// Scales all gradients by `max_norm / (norm + 1e-6)` if that is below 1, as PyTorch's
    /// `clip_grad_norm_`, and gives the norm before. A norm that is no finite number is given back
    /// and changes nothing.
    ///
    /// # Errors
    /// Those of candle.
    pub fn clip(&mut self, max_norm: f64) -> Result<f64> {
        let norm = self.norm()?;
        let scale = max_norm / (norm + NORM_EPS);
        if norm.is_finite() && scale < 1. {
            for gradient in self.by_name.values_mut() {
                *gradient = (&*gradient * scale)?;
            }
        }
        Ok(norm)
    }
}

impl FromIterator<(String, Tensor)> for Gradients {
    /// A gradient that candle gives still holds the activations that it was computed from; one that an
    /// optimizer keeps in its velocity would keep every step's graph alive. Here they are cut off.
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(gradients: I) -> Self {
        let gradients = gradients.into_iter();
        Self {
            by_name: gradients
                .map(|(name, gradient)| (name, gradient.detach()))
                .collect(),
        }
    }
}

/// By candle's operations, in at least single precision: half precision overflows at 65504.
fn squared_sum(gradient: &Tensor) -> Result<Tensor> {
    let wide = match gradient.dtype() {
        DType::F32 | DType::F64 => gradient.clone(),
        _ => gradient.to_dtype(DType::F32)?,
    };
    let sum = wide.sqr()?.sum_all()?;
    // Metal has no double precision.
    match gradient.device() {
        Device::Metal(_) => Ok(sum),
        Device::Cpu | Device::Cuda(_) => Ok(sum.to_dtype(DType::F64)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradients(values: &[(&str, &[f32])]) -> Result<Gradients> {
        values
            .iter()
            .map(|(name, values)| Ok(((*name).to_owned(), Tensor::new(*values, &Device::Cpu)?)))
            .collect()
    }

    #[test]
    fn the_norm_is_over_all_parameters() -> Result<()> {
        let mut gradients = gradients(&[("b", &[2., 0.]), ("a", &[1., 2.])])?;
        assert_eq!(gradients.clip(4.)?, 3.);
        assert_eq!(gradients.norm()?, 3., "below the bound nothing changes");
        assert_eq!(gradients.clip(1.5)?, 3.);
        let a = gradients.get("a").expect("a").to_vec1::<f32>()?;
        assert!((a[0] - 0.5).abs() < 1e-6 && (a[1] - 1.).abs() < 1e-6);
        let names: Vec<&str> = gradients.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "b"]);
        Ok(())
    }

    #[test]
    fn a_norm_that_is_no_number_changes_nothing() -> Result<()> {
        let mut gradients = gradients(&[("a", &[1., f32::NAN]), ("b", &[7.])])?;
        assert!(gradients.clip(1.)?.is_nan());
        assert_eq!(gradients.get("b").expect("b").to_vec1::<f32>()?, [7.]);
        Ok(())
    }

    #[test]
    fn what_the_loss_does_not_touch_has_no_gradient() -> Result<()> {
        let (used, unused) = (Var::new(2f32, &Device::Cpu)?, Var::new(2f32, &Device::Cpu)?);
        let loss = used.sqr()?;
        let parameters = [("unused".to_owned(), unused), ("used".to_owned(), used)];
        let gradients = Gradients::of(&loss, &parameters)?;
        assert_eq!(gradients.get("used").expect("used").to_scalar::<f32>()?, 4.);
        assert!(gradients.get("unused").is_none());
        Ok(())
    }

    #[test]
    fn gradients_hold_no_graph() -> Result<()> {
        let weight = Var::from_tensor(&Tensor::new(&[[1f64, 2.], [3., 4.]], &Device::Cpu)?)?;
        let hidden = weight.sqr()?;
        let loss = hidden.matmul(&weight)?.sum_all()?;
        let raw = loss.backward()?;
        let raw = raw.get(&weight).expect("a gradient");
        assert!(
            raw.track_op(),
            "candle's own keeps its graph: why this test is here"
        );
        let gradients = Gradients::of(&loss, &[("weight".to_owned(), weight)])?;
        assert!(!gradients.get("weight").expect("a gradient").track_op());
        Ok(())
    }
}
