//! Who is in which batch.

use super::sampler::Sampler;

/// Which faces are in the batch of a step, without making it: for messages about a batch.
#[derive(Clone, Debug)]
pub struct Roster {
    pub(super) labeled: Sampler,
    pub(super) batch_size: usize,
    /// None if the trainer uses no unlabeled faces.
    pub(super) unlabeled: Option<Sampler>,
    pub(super) unlabeled_size: usize,
}

impl Roster {
    /// The places of the labeled faces of a step, from 0, in the training list.
    pub fn labeled(&self, step: u64) -> Vec<usize> {
        places(&self.labeled, step, self.batch_size)
    }

    /// The places of the unlabeled faces of a step, from 0, in the training list.
    pub fn unlabeled(&self, step: u64) -> Vec<usize> {
        let unlabeled = self.unlabeled.as_ref();
        unlabeled.map_or_else(Vec::new, |unlabeled| {
            places(unlabeled, step, self.unlabeled_size)
        })
    }
}

fn places(sampler: &Sampler, step: u64, count: usize) -> Vec<usize> {
    sampler.clone().take(step.wrapping_mul(count as u64), count)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;
    use leaf_core::Random;
    use leaf_ssl::Views;

    use super::super::{Faces, ImageConfig, Loader, LoaderConfig};
    use crate::split::test_data::{four_labels, sizes};
    use crate::{LabelSplit, Result};

    #[test]
    fn it_names_the_faces_that_the_loader_serves() -> Result<()> {
        let data = sizes(&[9, 12], 3);
        let split = LabelSplit::new(&data, &four_labels())?;
        let images = ImageConfig {
            size: 8,
            ..ImageConfig::default()
        };
        let faces = Arc::new(Faces::new(data.training(), &images)?);
        let config = LoaderConfig {
            batch_size: 5,
            ..LoaderConfig::default()
        };
        let views = Views {
            index: true,
            labeled_index: true,
            ..Views::WEAK_STRONG
        };
        let random = Random::new(2);
        let loader = |views: Views| {
            let faces = faces.clone();
            Loader::new(faces, &split, views, &config, &random, &Device::Cpu)
        };
        let roster = loader(Views::WEAK_STRONG)?.roster();
        for (step, batch) in (0..9).zip(loader(views)?) {
            let batch = batch?;
            assert_eq!(roster.labeled(step), batch.labeled.index);
            assert_eq!(roster.unlabeled(step), batch.unlabeled.index);
        }
        let supervised = loader(Views::NONE)?.roster();
        assert!(supervised.unlabeled(3).is_empty());
        Ok(())
    }
}
