//! From a step's number to its batch.

use std::sync::Arc;

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_ssl::{Batch, Labeled, Unlabeled, Views};

use super::rotation::rotated;
use super::sampler::Sampler;
use super::view::{View, ViewMaker};
use super::{Faces, LabeledPass, LoaderConfig, Roster};
use crate::{Augmentation, Error, LabelSplit, Result};

/// All that a batch depends on, beside its step's number.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    faces: Arc<Faces>,
    views: Views,
    batch_size: usize,
    unlabeled_size: usize,
    labeled: Sampler,
    unlabeled: Sampler,
    random: Random,
    /// With which this thread makes its views.
    maker: ViewMaker,
}

impl Plan {
    pub(super) fn new(
        faces: Arc<Faces>,
        split: &LabelSplit,
        views: Views,
        config: &LoaderConfig,
        random: &Random,
    ) -> Result<Self> {
        config.check()?;
        let count = faces.len();
        let all = split.labeled().iter().chain(split.unlabeled());
        if let Some(&place) = all.into_iter().find(|&&place| place >= count) {
            return Err(Error::SplitPlace { place, count });
        }
        for &place in split.labeled() {
            faces.label(place)?;
        }
        if views.rotated && faces.are_features() {
            return Err(Error::Features {
                found: "a trainer that turns images".to_owned(),
                expected: "one that does not: features of a frozen encoder cannot be turned",
            });
        }
        if views.any() && split.unlabeled().is_empty() {
            let (field, expected) = ("unlabeled faces", "at least 1 for a trainer that uses them");
            return Err(Error::OutOfRange {
                field,
                value: 0.,
                expected,
            });
        }
        Ok(Self {
            faces,
            views,
            batch_size: config.batch_size,
            unlabeled_size: config.batch_size * config.mu,
            labeled: Sampler::new(split.labeled(), random.split("labeled")),
            unlabeled: Sampler::new(split.unlabeled(), random.split("unlabeled")),
            random: random.split("views"),
            maker: ViewMaker::new(Augmentation::new(config.augment.clone())?),
        })
    }

    pub(super) fn steps_per_epoch(&self, split: &LabelSplit) -> usize {
        if self.views.any() {
            split.unlabeled().len().div_ceil(self.unlabeled_size)
        } else {
            split.labeled().len().div_ceil(self.batch_size)
        }
    }

    /// Bytes of a batch's images.
    pub(super) fn bytes(&self) -> usize {
        let Views {
            weak,
            strong,
            rotated,
            ..
        } = self.views;
        let unlabeled = (weak + strong + usize::from(rotated)).saturating_mul(self.unlabeled_size);
        let images = unlabeled.saturating_add(self.batch_size);
        images.saturating_mul(size_of::<f32>() * self.faces.samples())
    }

    /// The batch of a step, on the CPU.
    pub(super) fn batch(&mut self, step: u64) -> Result<Batch> {
        let random = self.random.split_index(step);
        let index = self
            .labeled
            .take(step.wrapping_mul(self.batch_size as u64), self.batch_size);
        let labels = index
            .iter()
            .map(|&place| self.faces.label(place))
            .collect::<Result<Vec<_>>>()?;
        let view = (View::Weak, random.split("labeled"));
        let labeled = Labeled {
            images: self.make(&index, &[view])?.swap_remove(0),
            labels: Tensor::from_vec(labels, index.len(), &Device::Cpu)?,
            index: asked_for(index, self.views.labeled_index),
        };
        Ok(Batch {
            labeled,
            unlabeled: self.unlabeled(step, &random)?,
        })
    }

    fn unlabeled(&mut self, step: u64, random: &Random) -> Result<Unlabeled> {
        if !self.views.any() {
            return Ok(Unlabeled::default());
        }
        let size = self.unlabeled_size;
        let index = self.unlabeled.take(step.wrapping_mul(size as u64), size);
        let views = |count: usize, view: View| {
            let random = random.split(view.name());
            (0..count as u64).map(move |i| (view, random.split_index(i)))
        };
        let Views { weak, strong, .. } = self.views;
        let views: Vec<_> = views(weak, View::Weak)
            .chain(views(strong, View::Strong))
            .collect();
        let mut weak_views = self.make(&index, &views)?;
        let strong = weak_views.split_off(weak);
        let first = strong.first().filter(|_| self.views.rotated);
        let rotated = first.map(|first| rotated(first, random.split("quarters")));
        Ok(Unlabeled {
            weak: weak_views,
            strong,
            rotated: rotated.transpose()?,
            hidden_labels: self.hidden_labels(&index),
            index: asked_for(index, self.views.index),
        })
    }

    /// The faces' true classes, as far as they are known; empty where none is.
    fn hidden_labels(&self, index: &[usize]) -> Vec<Option<u32>> {
        let labels = index.iter().map(|&place| self.faces.entries()[place].label);
        let labels: Vec<Option<u32>> = labels.collect();
        if labels.iter().any(Option::is_some) {
            labels
        } else {
            Vec::new()
        }
    }

    pub(super) fn roster(&self) -> Roster {
        Roster {
            labeled: self.labeled.clone(),
            batch_size: self.batch_size,
            unlabeled: self.views.any().then(|| self.unlabeled.clone()),
            unlabeled_size: self.unlabeled_size,
        }
    }

    pub(super) fn labeled_pass(&self, device: &Device) -> LabeledPass {
        LabeledPass {
            faces: self.faces.clone(),
            places: self.labeled.places(),
            maker: self.maker.clone(),
            random: self.random.split("labeled pass"),
            device: device.clone(),
        }
    }

    /// Views of each face, which is looked up once; row i of a view draws from the view's i-th stream.
    fn make(&mut self, index: &[usize], views: &[(View, Random)]) -> Result<Vec<Tensor>> {
        let mut stacks: Vec<_> = views
            .iter()
            .map(|_| self.faces.stack(index.len()))
            .collect();
        for (row, &place) in index.iter().enumerate() {
            let face = self.faces.look(place)?;
            for ((view, random), stack) in views.iter().zip(&mut stacks) {
                let mut stream = random.split_index(row as u64);
                self.maker.push(stack, &face, *view, &mut stream);
            }
        }
        stacks.into_iter().map(|stack| stack.tensor()).collect()
    }
}

/// Places that nobody asked for are not served.
fn asked_for(index: Vec<usize>, asked: bool) -> Vec<usize> {
    if asked { index } else { Vec::new() }
}
