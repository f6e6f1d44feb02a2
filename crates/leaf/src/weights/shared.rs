//! The experts of the authors' trainer: one module under nine names.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Tensor};

use crate::Result;

/// How many names beside its own the authors' one expert of a level has.
pub(super) const ALIASES: usize = 8;

/// Leaves one name of each expert that is there several times, `experts.0`. The aliases must be equal.
///
/// # Errors
/// [`leaf_train::Error::NotACheckpoint`] naming the first one that is not.
pub(super) fn without_aliases(
    mut tensors: BTreeMap<String, Tensor>,
    path: &Path,
) -> Result<BTreeMap<String, Tensor>> {
    for level in ["semantic_moe", "instance_moe"] {
        let own = format!("{level}.expert.");
        let shared: Vec<String> = tensors
            .keys()
            .filter_map(|name| name.strip_prefix(&own).map(str::to_owned))
            .collect();
        for rest in shared {
            let name = format!("{own}{rest}");
            let Some(tensor) = tensors.remove(&name) else {
                continue;
            };
            for alias in aliases(&tensors, level, &rest) {
                let other = tensors.remove(&alias);
                if !other.is_some_and(|other| equal(&tensor, &other)) {
                    return Err(leaf_train::Error::NotACheckpoint {
                        path: path.to_owned(),
                        found: format!("{alias} is not {name}"),
                        expected: "one expert under all its names".to_owned(),
                    }
                    .into());
                }
            }
            tensors.insert(format!("{level}.experts.0.{rest}"), tensor);
        }
    }
    Ok(tensors)
}

/// The names of the form `level.experts.N.rest`.
fn aliases(tensors: &BTreeMap<String, Tensor>, level: &str, rest: &str) -> Vec<String> {
    let start = format!("{level}.experts.");
    let is_alias = |name: &&String| {
        let numbered = name
            .strip_prefix(&start)
            .and_then(|tail| tail.split_once('.'));
        numbered.is_some_and(|(_, tail)| tail == rest)
    };
    tensors.keys().filter(is_alias).cloned().collect()
}

/// Whether two tensors hold the same numbers; one that cannot be read does not.
fn equal(a: &Tensor, b: &Tensor) -> bool {
    let numbers = |tensor: &Tensor| -> candle_core::Result<Vec<f64>> {
        tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    };
    let bits = |tensor: &Tensor| {
        let numbers = numbers(tensor).ok()?;
        Some(numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>())
    };
    a.dims() == b.dims() && bits(a).is_some_and(|a| Some(a) == bits(b))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn file(values: &[(&str, f32)]) -> Result<BTreeMap<String, Tensor>> {
        let tensor = |value: f32| Tensor::new(&[value], &Device::Cpu);
        let all = values
            .iter()
            .map(|&(name, value)| Ok((name.to_owned(), tensor(value)?)));
        all.collect()
    }

    #[test]
    fn one_name_is_left() -> Result<()> {
        let tensors = file(&[
            ("semantic_moe.expert.fc.0.bias", 1.),
            ("semantic_moe.experts.0.fc.0.bias", 1.),
            ("semantic_moe.experts.7.fc.0.bias", 1.),
            ("instance_moe.experts.0.fc.0.bias", 2.),
            ("instance_moe.experts.1.fc.0.bias", 3.),
        ])?;
        let left = without_aliases(tensors, Path::new("x"))?;
        let names: Vec<&str> = left.keys().map(String::as_str).collect();
        // Experts without a shared one are experts of their own.
        assert_eq!(
            names,
            [
                "instance_moe.experts.0.fc.0.bias",
                "instance_moe.experts.1.fc.0.bias",
                "semantic_moe.experts.0.fc.0.bias",
            ]
        );
        Ok(())
    }

    #[test]
    fn an_alias_with_other_numbers_is_named() -> Result<()> {
        let tensors = file(&[
            ("instance_moe.expert.fc.0.bias", 1.),
            ("instance_moe.experts.3.fc.0.bias", 1.5),
        ])?;
        let error = without_aliases(tensors, Path::new("x.pth"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("x.pth: instance_moe.experts.3.fc.0.bias is not"),
            "{error}"
        );
        Ok(())
    }
}
