//! Which of the things in a checkpoint are the weights.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::pickle::{Id, Pickle};
use super::refusal::{Refusal, Result};
use super::tensor::{Place, Tensors};

/// The names under which trainers keep weights, those to use first: averages before what was trained.
const NESTS: [&str; 9] = [
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
];

/// A dictionary of tensors, and under which name it was.
#[derive(Debug)]
pub(super) struct StateDict {
    pub(super) nest: Option<String>,
    places: BTreeMap<String, Place>,
}

impl StateDict {
    /// The weights under a name, or those that are found.
    pub(super) fn find(pickle: &Pickle, nest: Option<&str>) -> Result<Self> {
        let root = pickle.root();
        let Some(entries) = pickle.entries(root) else {
            return Err(Refusal::new(
                "something other than a dictionary, as torch.save(model) writes",
                "a state dict: torch.save(model.state_dict(), ...)",
            ));
        };
        let at = |name: &str| {
            let id = pickle.entry(root, name)?;
            Some((id, Some(name.to_owned())))
        };
        let nested = match nest {
            Some(name) => at(name).into_iter().collect(),
            // A tensor beside them, such as an accuracy, makes no weights of the whole.
            None => NESTS
                .into_iter()
                .filter_map(at)
                .chain([(root, None)])
                .collect::<Vec<_>>(),
        };
        for (id, nest) in nested {
            let places = places(pickle, id)?;
            if !places.is_empty() {
                return Ok(Self { nest, places });
            }
        }
        let keys = entries.iter().filter_map(|(key, _)| pickle.text(*key));
        let keys: Vec<&str> = keys.take(20).collect();
        let expected = match nest {
            Some(name) => format!("tensors under {name:?}"),
            None => format!(
                "tensors, or a dictionary of them under one of {}",
                NESTS.join(", ")
            ),
        };
        Err(Refusal::new(format!("a dictionary of {keys:?}"), expected))
    }

    /// All tensors by name.
    pub(super) fn tensors(&self, tensors: &mut Tensors) -> Result<BTreeMap<String, Tensor>> {
        let each = self.places.iter().map(|(name, place)| {
            let tensor = tensors
                .make(place)
                .map_err(|refusal| refusal.within(name))?;
            Ok((name.clone(), tensor))
        });
        each.collect()
    }
}

/// The tensors of a dictionary; what else it holds, such as a step's number, is no weight.
fn places(pickle: &Pickle, dict: Id) -> Result<BTreeMap<String, Place>> {
    let mut places = BTreeMap::new();
    for &(key, value) in pickle.entries(dict).unwrap_or_default() {
        let Some(name) = pickle.text(key) else {
            continue;
        };
        let place = Place::of(pickle, value).map_err(|refusal| refusal.within(name))?;
        places.extend(place.map(|place| (name.to_owned(), place)));
    }
    Ok(places)
}
