//! What runs of one seed and budget have in common.

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_data::Loader;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::recipe::{Prepared, Recipe, noise};
use crate::{Error, Result};

/// Fingerprints of what runs of one seed and budget have in common. Algorithms that see no weak or no strong view
/// have no fingerprint of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairing {
    /// Of the names of the labelled faces.
    pub split: String,
    /// Of the encoder's initial values.
    pub encoder: String,
    /// Of the first batch's labelled images, with their labels.
    pub labeled: String,
    /// Of the first batch's first weak view of each unlabelled face.
    pub weak: Option<String>,
    /// Of the first batch's first strong view of each unlabelled face.
    pub strong: Option<String>,
}

impl Pairing {
    /// Of the run that the recipe makes.
    ///
    /// # Errors
    /// When the recipe breaks a rule, or its first batch cannot be made.
    pub fn of(recipe: &Recipe, faces: &Prepared, device: &Device) -> Result<Self> {
        let task = faces.task().with_seed(recipe.seed);
        let views = recipe.algorithm(&task)?.views();
        let (training, config) = (faces.training().clone(), &recipe.data.loader);
        let random = Random::new(recipe.seed).split("batches");
        let mut batches = Loader::new(training, faces.split(), views, config, &random, device)?;
        let Some(batch) = batches.next() else {
            return Err(Error::NoBatch);
        };
        let batch = batch?;
        let labeled = [&batch.labeled.images, &batch.labeled.labels];
        let first = |views: &[Tensor]| views.first().map(|view| digest([view])).transpose();
        Ok(Self {
            split: faces.split().hash(),
            encoder: encoder(recipe, faces, device)?,
            labeled: digest(labeled)?,
            weak: first(&batch.unlabeled.weak)?,
            strong: first(&batch.unlabeled.strong)?,
        })
    }

    /// The first thing that two runs of one seed and budget should share and do not.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differ = |one: &Option<String>, other: &Option<String>| matches!((one, other), (Some(one), Some(other)) if one != other);
        [
            (self.split != other.split, "labelled faces"),
            (self.encoder != other.encoder, "initial encoder"),
            (self.labeled != other.labeled, "first labelled batch"),
            (differ(&self.weak, &other.weak), "first weak views"),
            (differ(&self.strong, &other.strong), "first strong views"),
        ]
        .into_iter()
        .find_map(|(differs, what)| differs.then_some(what))
    }
}

fn encoder(recipe: &Recipe, faces: &Prepared, device: &Device) -> Result<String> {
    let spec = recipe.classifier(faces);
    let learner = spec.build(recipe.seed, &noise(recipe.seed), device)?;
    let all = learner.parameters.all();
    let values = all.iter().filter(|(name, _)| name.starts_with("encoder."));
    digest(values.map(|(_, var)| var.as_tensor()))
}

/// A hash of shapes and values, in order.
fn digest<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<String> {
    let mut hash = Xxh3::new();
    for tensor in tensors {
        for &dim in tensor.dims() {
            hash.update(&(dim as u64).to_le_bytes());
        }
        // Labels are whole numbers below 2^24: f32 holds them exactly.
        let values = tensor.to_dtype(candle_core::DType::F32)?.flatten_all()?;
        for value in values.to_vec1::<f32>()? {
            hash.update(&value.to_le_bytes());
        }
    }
    Ok(format!("{:016x}", hash.digest()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Plan, Seeds, Variant};
    use crate::recipe::TrainerChoice;

    /// The pairings of all algorithms and variants at one seed and budget.
    fn pairings(seed: u64) -> Result<Vec<(String, Pairing)>> {
        let mut base = Recipe::default();
        base.data.loader.batch_size = 3;
        let plan = Plan {
            base,
            algorithms: TrainerChoice::all(),
            variants: Variant::ALL.to_vec(),
            tunings: Vec::new(),
            labels_per_class: vec![2],
            seeds: Seeds(seed..seed + 1),
        };
        let (runs, _) = plan.runs();
        let faces = runs[0].recipe.prepare(|_| ())?;
        let pairing = runs.into_iter().map(|run| {
            let pairing = Pairing::of(&run.recipe, &faces, &Device::Cpu)?;
            Ok((format!("{} {}", run.algorithm, run.variant), pairing))
        });
        pairing.collect()
    }

    #[test]
    fn all_runs_of_a_seed_share_split_encoder_and_batches() -> Result<()> {
        let (all, other) = (pairings(3)?, pairings(4)?);
        assert!(all.len() > 60, "{}", all.len());
        let fixmatch = all.iter().find(|(name, _)| name == "fixmatch plain");
        let (_, first) = fixmatch.expect("fixmatch");
        assert!(first.weak.is_some() && first.strong.is_some());
        for (name, pairing) in &all {
            assert_eq!(first.difference(pairing), None, "{name}");
        }
        let (_, other) = &other[0];
        assert_eq!(first.difference(other), Some("labelled faces"));
        let mut shifted = first.clone();
        shifted.weak.clone_from(&first.strong);
        assert_eq!(first.difference(&shifted), Some("first weak views"));
        assert_ne!(first.encoder, other.encoder);
        assert_ne!(first.labeled, other.labeled);
        Ok(())
    }
}
