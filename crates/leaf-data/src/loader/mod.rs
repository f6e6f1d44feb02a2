//! Batches for training, prepared on other threads while a step runs.

mod config;
mod faces;
mod features;
mod labeled_pass;
mod memory;
mod plan;
mod roster;
mod rotation;
mod sampler;
mod stack;
mod view;
mod workers;

use std::sync::Arc;

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_ssl::{Batch, Labeled, Rotated, Unlabeled, Views};

pub use config::{ImageConfig, LoaderConfig};
pub use faces::Faces;
pub use features::{Standard, ViewFeatures};
pub use labeled_pass::LabeledPass;
pub use roster::Roster;

use crate::{LabelSplit, Result, threads};
use plan::Plan;
use workers::Workers;

/// An endless sequence of batches, one a step.
///
/// The batch of a step depends on the faces, the split, the views, the configuration, the seed and
/// the step's number: never on the number of threads, on time or on earlier steps. So
/// [`Loader::start_at`] continues a run that was interrupted without replaying it.
///
/// Labeled and unlabeled faces each come in endless random permutations. Views of a face that occurs
/// in two trainers' declarations are the same for both.
///
/// After an error (a file that cannot be decoded) the sequence ends.
///
/// ```
/// # #[cfg(feature = "drawn-faces")] {
/// use std::sync::Arc;
///
/// use candle_core::Device;
/// use leaf_core::Random;
/// use leaf_data::{Faces, ImageConfig, LabelSplit, Loader, LoaderConfig, SplitConfig, drawn_faces};
/// use leaf_ssl::Views;
///
/// let data = drawn_faces()?;
/// let split = LabelSplit::new(&data, &SplitConfig::default())?;
/// let faces = Arc::new(Faces::new(data.training(), &ImageConfig::default())?);
/// let config = LoaderConfig::default();
/// let mut loader =
///     Loader::new(faces, &split, Views::WEAK_STRONG, &config, &Random::new(0), &Device::Cpu)?;
/// let batch = loader.next().expect("the sequence is endless")?;
/// assert_eq!(batch.labeled.images.dims(), [21, 1, 32, 32]);
/// assert_eq!(batch.unlabeled.strong[0].dims(), [42, 1, 32, 32]);
/// # }
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Debug)]
pub struct Loader {
    plan: Plan,
    threads: usize,
    steps_per_epoch: usize,
    device: Device,
    step: u64,
    workers: Option<Workers>,
    failed: bool,
}

impl Loader {
    /// Batches of the training faces, from step 0 on. No thread runs before the first batch is asked
    /// for.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`] if the configuration makes no sense or unlabeled faces are needed
    /// and there are none; [`crate::Error::SplitPlace`] if the split is of another training list.
    pub fn new(
        faces: Arc<Faces>,
        split: &LabelSplit,
        views: Views,
        config: &LoaderConfig,
        random: &Random,
        device: &Device,
    ) -> Result<Self> {
        let plan = Plan::new(faces, split, views, config, random)?;
        Ok(Self {
            threads: config.threads.unwrap_or_else(threads::available),
            steps_per_epoch: plan.steps_per_epoch(split),
            plan,
            device: device.clone(),
            step: 0,
            workers: None,
            failed: false,
        })
    }

    /// The same sequence from this step on; steps count from 0.
    #[must_use]
    pub fn start_at(mut self, step: u64) -> Self {
        self.workers = None;
        self.failed = false;
        self.step = step;
        self
    }

    /// The step whose batch comes next.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Steps of one pass over the unlabeled faces, or over the labeled ones if no others are used;
    /// the last one may begin the next pass.
    pub fn steps_per_epoch(&self) -> usize {
        self.steps_per_epoch
    }

    /// All labeled faces once, for algorithms that ask for it ([`Views::labeled_pass`]).
    pub fn labeled_pass(&self) -> LabeledPass {
        self.plan.labeled_pass(&self.device)
    }

    /// Which faces are in the batch of a step.
    pub fn roster(&self) -> Roster {
        self.plan.roster()
    }

    fn batch(&mut self) -> Result<Batch> {
        let workers = match self.workers.take() {
            Some(workers) => workers,
            None => {
                memory::expect(self.plan.bytes());
                Workers::start(&self.plan, self.step, self.threads)?
            }
        };
        let batch = workers.receive(self.step)?;
        self.workers = Some(workers);
        to_device(batch, &self.device)
    }
}

impl Iterator for Loader {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.batch();
        self.failed = batch.is_err();
        self.step += 1;
        Some(batch)
    }
}

fn to_device(batch: Batch, device: &Device) -> Result<Batch> {
    let move_all = |views: Vec<Tensor>| {
        views
            .iter()
            .map(|view| view.to_device(device))
            .collect::<candle_core::Result<Vec<_>>>()
    };
    let Batch { labeled, unlabeled } = batch;
    let rotated = unlabeled.rotated.map(|rotated| -> Result<Rotated> {
        Ok(Rotated {
            images: rotated.images.to_device(device)?,
            quarters: rotated.quarters.to_device(device)?,
        })
    });
    Ok(Batch {
        labeled: Labeled {
            images: labeled.images.to_device(device)?,
            labels: labeled.labels.to_device(device)?,
            index: labeled.index,
        },
        unlabeled: Unlabeled {
            weak: move_all(unlabeled.weak)?,
            strong: move_all(unlabeled.strong)?,
            rotated: rotated.transpose()?,
            index: unlabeled.index,
            hidden_labels: unlabeled.hidden_labels,
        },
    })
}

#[cfg(test)]
mod tests;
