//! One golden file and how numbers are compared with it.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::str::FromStr;

use candle_core::{DType, Device, Tensor, Var};

/// What a check returns.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A golden file: its configuration and its tensors.
pub(crate) struct Case {
    meta: HashMap<String, String>,
    tensors: HashMap<String, Tensor>,
}

impl Case {
    pub(crate) fn read(file: &Path) -> Outcome<Self> {
        let bytes = std::fs::read(file)?;
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes)?;
        let meta = header.metadata().clone().unwrap_or_default();
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?;
        Ok(Self { meta, tensors })
    }

    /// Every way to compute what is there by hand and by candle's operations: both, in f32 and in f64.
    pub(crate) fn ways(&self) -> Outcome<Vec<(Self, bool)>> {
        let mut ways = Vec::new();
        for dtype in [DType::F32, DType::F64] {
            for plain in [false, true] {
                ways.push((self.converted(dtype)?, plain));
            }
        }
        Ok(ways)
    }

    /// The same numbers in another type.
    fn converted(&self, dtype: DType) -> Outcome<Self> {
        let convert = |(name, tensor): (&String, &Tensor)| {
            let tensor = match tensor.dtype().is_float() {
                true => tensor.to_dtype(dtype)?,
                false => tensor.clone(),
            };
            Ok((name.clone(), tensor))
        };
        Ok(Self {
            meta: self.meta.clone(),
            tensors: self.tensors.iter().map(convert).collect::<Outcome<_>>()?,
        })
    }

    /// A configuration entry as it stands.
    pub(crate) fn text(&self, key: &str) -> Outcome<&str> {
        let value = self.meta.get(key);
        Ok(value.ok_or_else(|| format!("no metadata {key:?}"))?)
    }

    /// A configuration entry as a number.
    pub(crate) fn number<T: FromStr>(&self, key: &str) -> Outcome<T> {
        let text = self.text(key)?;
        text.parse()
            .map_err(|_| format!("metadata {key:?} = {text:?} is no number").into())
    }

    /// A configuration entry written as Python's `True` or `False`.
    pub(crate) fn flag(&self, key: &str) -> Outcome<bool> {
        match self.text(key)? {
            "True" => Ok(true),
            "False" => Ok(false),
            other => Err(format!("metadata {key:?} = {other:?} is no flag").into()),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// The tensors' names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A tensor as stored.
    pub(crate) fn tensor(&self, name: &str) -> Outcome<Tensor> {
        let tensor = self.tensors.get(name);
        Ok(tensor.ok_or_else(|| format!("no tensor {name:?}"))?.clone())
    }

    /// A tensor as a variable, so that gradients reach it.
    pub(crate) fn var(&self, name: &str) -> Outcome<Var> {
        Ok(Var::from_tensor(&self.tensor(name)?)?)
    }

    /// Values: |a-b| <= 1e-5 max(1, max|b|).
    pub(crate) fn expect(&self, name: &str, found: &Tensor) -> Outcome {
        let wanted = self.tensor(name)?;
        within(name, found, &wanted, |largest| 1e-5 * largest.max(1.))
    }

    /// Gradients: |a-b| <= 1e-4 max|b| + 1e-7.
    pub(crate) fn expect_gradient(&self, name: &str, found: &Tensor) -> Outcome {
        let wanted = self.tensor(name)?;
        within(name, found, &wanted, |largest| 1e-4 * largest + 1e-7)
    }

    /// Whole numbers and masks: the same.
    pub(crate) fn expect_exact(&self, name: &str, found: &Tensor) -> Outcome {
        within(name, found, &self.tensor(name)?, |_| 0.)
    }
}

/// Fails if an entry of `found` is further from `wanted` than `bound` allows, given the largest
/// magnitude in `wanted`.
pub(crate) fn within(
    name: &str,
    found: &Tensor,
    wanted: &Tensor,
    bound: impl Fn(f64) -> f64,
) -> Outcome {
    let (found, wanted) = (flat(found)?, flat(wanted)?);
    if found.len() != wanted.len() {
        return Err(format!("{name}: {} entries, expected {}", found.len(), wanted.len()).into());
    }
    let largest = wanted.iter().fold(0f64, |m, w| m.max(w.abs()));
    let bound = bound(largest);
    for (i, (f, w)) in found.iter().zip(&wanted).enumerate() {
        let difference = (f - w).abs();
        // A difference that is not a number must fail too.
        if difference.is_nan() || difference > bound {
            return Err(format!("{name}[{i}]: {f}, expected {w} within {bound:e}").into());
        }
    }
    Ok(())
}

fn flat(tensor: &Tensor) -> Outcome<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
