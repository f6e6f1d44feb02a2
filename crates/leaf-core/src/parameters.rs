//! A model's named tensors, made with a seed and listed in a fixed order.

use std::collections::{BTreeMap, HashMap};
use std::sync::{MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::init::{FanInOut, NormalOrUniform};
use candle_nn::var_builder::SimpleBackend;
use candle_nn::{Init, VarBuilder, VarMap};

use crate::{Random, Result};

/// A model's parameters and buffers by name: candle's [`VarMap`] with seeded initial values and a
/// fixed order.
///
/// Each tensor draws from a stream of its own that depends on the seed and the tensor's path, so the
/// initial weights do not depend on the order in which a model is built. Buffers (the running
/// statistics of batch norm) are variables too, as in candle, but no optimizer should see them.
///
/// ```
/// use candle_core::{DType, Device};
/// use leaf_core::{Parameters, linear};
///
/// # fn main() -> leaf_core::Result<()> {
/// let parameters = Parameters::new(0);
/// let vb = parameters.builder(DType::F32, &Device::Cpu);
/// let classifier = linear(64, 7, vb.pp("classifier"))?;
/// let names: Vec<String> = parameters.trainable().into_keys().collect();
/// assert_eq!(names, ["classifier.bias", "classifier.weight"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Parameters {
    vars: VarMap,
    random: Random,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shapes: BTreeMap<_, _> = self
            .all()
            .into_iter()
            .map(|(name, var)| (name, var.dims().to_vec()))
            .collect();
        f.debug_struct("Parameters")
            .field("shapes", &shapes)
            .finish()
    }
}

impl Parameters {
    /// No tensors yet; the seed decides the initial value of those to come.
    pub fn new(seed: u64) -> Self {
        Self {
            vars: VarMap::new(),
            random: Random::new(seed).split("parameters"),
        }
    }

    /// A builder whose tensors become variables of this store.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// All variables, by name.
    pub fn all(&self) -> BTreeMap<String, Var> {
        let vars = self.lock();
        vars.iter()
            .map(|(name, var)| (name.clone(), var.clone()))
            .collect()
    }

    /// What an optimizer trains, by name.
    pub fn trainable(&self) -> BTreeMap<String, Var> {
        let mut vars = self.all();
        vars.retain(|name, _| !Self::is_buffer(name));
        vars
    }

    /// What training changes without a gradient, by name.
    pub fn buffers(&self) -> BTreeMap<String, Var> {
        let mut vars = self.all();
        vars.retain(|name, _| Self::is_buffer(name));
        vars
    }

    /// Whether a name is a buffer's: running statistics, as PyTorch calls them.
    pub fn is_buffer(name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        matches!(last, "running_mean" | "running_var" | "num_batches_tracked")
    }

    /// Gives every variable the value of the variable of the same name in `source`.
    ///
    /// # Errors
    /// When a name is missing there or has another shape.
    pub fn copy_from(&self, source: &Self) -> Result<()> {
        let source = source.all();
        for (name, var) in self.all() {
            let value = source
                .get(&name)
                .ok_or_else(|| crate::Error::MissingParameter { name: name.clone() })?;
            if value.shape() != var.shape() {
                return Err(crate::Error::ParameterShape {
                    name,
                    expected: var.dims().to_vec(),
                    found: value.dims().to_vec(),
                });
            }
            var.set(&value.copy()?)?;
        }
        Ok(())
    }

    /// candle's own store, which shares the variables.
    pub fn var_map(&self) -> &VarMap {
        &self.vars
    }

    /// A poisoned lock means that another thread panicked while it inserted: the map is whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Var>> {
        let lock = self.vars.data().lock();
        lock.unwrap_or_else(PoisonError::into_inner)
    }

    fn initial(
        &self,
        shape: &Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let mut random = self.random.split(name);
        match init {
            Init::Const(value) => Ok(Tensor::full(value, shape.clone(), &Device::Cpu)?
                .to_dtype(dtype)?
                .to_device(device)?),
            Init::Uniform { lo, up } => random.uniform_tensor(lo, up, shape.clone(), dtype, device),
            Init::Randn { mean, stdev } => {
                random.normal_tensor(mean, stdev, shape.clone(), dtype, device)
            }
            Init::Kaiming {
                dist,
                fan,
                non_linearity,
            } => {
                let fan = FanInOut::for_shape(&fan, shape) as f64;
                let std = non_linearity.gain() / fan.sqrt();
                match dist {
                    NormalOrUniform::Normal => {
                        random.normal_tensor(0., std, shape.clone(), dtype, device)
                    }
                    NormalOrUniform::Uniform => {
                        let bound = 3f64.sqrt() * std;
                        random.uniform_tensor(-bound, bound, shape.clone(), dtype, device)
                    }
                }
            }
        }
    }
}

impl SimpleBackend for Parameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        if !self.contains_tensor(name) {
            let value = self
                .initial(&shape, name, init, dtype, device)
                .map_err(candle_core::Error::wrap)?;
            let var = Var::from_tensor(&value)?;
            self.lock().insert(name.to_owned(), var);
        }
        self.vars.get(shape, name, init, dtype, device)
    }

    fn get_unchecked(
        &self,
        name: &str,
        _dtype: DType,
        _device: &Device,
    ) -> candle_core::Result<Tensor> {
        match self.lock().get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => candle_core::bail!("no parameter is called {name}"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_nn::init::DEFAULT_KAIMING_NORMAL;

    fn weights(seed: u64, names: &[&str]) -> Result<Vec<Vec<f32>>> {
        let parameters = Parameters::new(seed);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        for name in names {
            vb.get_with_hints((4, 3), name, DEFAULT_KAIMING_NORMAL)?;
        }
        let vars = parameters.trainable().into_values();
        vars.map(|var| Ok(var.flatten_all()?.to_vec1()?)).collect()
    }

    #[test]
    fn initial_values_depend_on_seed_and_path_alone() -> Result<()> {
        assert_eq!(weights(1, &["a", "b"])?, weights(1, &["b", "a"])?);
        assert_ne!(weights(1, &["a", "b"])?, weights(2, &["a", "b"])?);
        let both = weights(1, &["a", "b"])?;
        assert_ne!(both[0], both[1]);
        Ok(())
    }

    #[test]
    fn buffers_are_not_trainable() -> Result<()> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        vb.pp("bn1").get(2, "running_mean")?;
        vb.pp("bn1").get(2, "weight")?;
        assert!(parameters.trainable().contains_key("bn1.weight"));
        assert!(parameters.buffers().contains_key("bn1.running_mean"));
        assert_eq!(parameters.all().len(), 2);
        Ok(())
    }

    #[test]
    fn a_builder_shares_its_variables() -> Result<()> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let weight = vb.get(2, "weight")?;
        parameters.all()["weight"].set(&Tensor::new(&[5f32, 6.], &Device::Cpu)?)?;
        assert_eq!(weight.to_vec1::<f32>()?, [5., 6.]);
        assert!(vb.get(3, "weight").is_err(), "another shape");
        Ok(())
    }

    #[test]
    fn copies_are_complete_or_refused() -> Result<()> {
        let (a, b) = (Parameters::new(0), Parameters::new(1));
        for parameters in [&a, &b] {
            let vb = parameters.builder(DType::F32, &Device::Cpu);
            vb.get_with_hints((2, 2), "weight", DEFAULT_KAIMING_NORMAL)?;
        }
        b.copy_from(&a)?;
        let value = |p: &Parameters| p.all()["weight"].to_vec2::<f32>();
        assert_eq!(value(&a)?, value(&b)?);
        let missing = Parameters::new(0);
        assert!(b.copy_from(&missing).is_err());
        Ok(())
    }
}
