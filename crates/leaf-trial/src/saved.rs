//! A trial as tensors, as a file could hold them.

use std::collections::{BTreeMap, HashMap};

use candle_core::{Device, Tensor};
use leaf_core::{Parameters, RandomState};
use leaf_ssl::{Error, Result};

use crate::Trial;

const NOISE: &str = "noise";

impl Trial {
    /// Weights, averages and noise by name.
    ///
    /// # Errors
    /// Those of candle.
    pub fn saved(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut saved = BTreeMap::new();
        for (part, parameters) in self.parts() {
            for (name, var) in parameters.all() {
                saved.insert(format!("{part}.{name}"), var.as_detached_tensor().copy()?);
            }
        }
        if let Some(state) = self.noise.state() {
            let numbers = [state.seed, state.stream, state.position].map(|n| n as i64);
            saved.insert(NOISE.to_owned(), Tensor::new(&numbers, &Device::Cpu)?);
        }
        Ok(saved)
    }

    /// Goes on where [`Trial::saved`] was taken; other entries are left alone.
    ///
    /// # Errors
    /// When an entry is missing.
    pub fn load(&self, saved: &HashMap<String, Tensor>) -> Result<()> {
        let entry = |name: String| saved.get(&name).ok_or(Error::MissingState { name });
        for (part, parameters) in self.parts() {
            for (name, var) in parameters.all() {
                var.set(entry(format!("{part}.{name}"))?)?;
            }
        }
        let numbers = entry(NOISE.to_owned())?.to_vec1::<i64>()?;
        let number = |place: usize| numbers.get(place).map_or(0, |n| *n as u64);
        self.noise.restore(RandomState {
            seed: number(0),
            stream: number(1),
            position: number(2),
        });
        Ok(())
    }

    fn parts(&self) -> [(&'static str, &Parameters); 2] {
        [
            ("student", &self.parameters),
            ("average", &self.average_parameters),
        ]
    }
}
