//! Faces of noise.

use candle_core::{DType, Device, Tensor};
use leaf_core::Random;
use leaf_ssl::{Batch, Labeled, Result, Rotated, Task, Unlabeled, Views};

/// How many classes there are.
pub const CLASSES: usize = 7;
/// How many labelled faces a batch has.
pub const LABELED: usize = 14;
/// How many unlabelled faces a batch has.
pub const UNLABELED: usize = 28;
/// How many faces the training list has; the first [`LABELED`] are labelled, two a class.
pub const TRAINING_FACES: usize = 60;
/// Height and width of a face.
pub(crate) const SIDE: usize = 4;

/// The task of these faces.
pub fn task() -> Task {
    Task::new(CLASSES)
        .with_training_faces(TRAINING_FACES)
        .with_labeled((0..LABELED).map(|face| (face, face % CLASSES)))
}

/// Noise in the form of faces `(rows, 1, 4, 4)`.
pub(crate) fn faces(random: &mut Random, rows: usize) -> Result<Tensor> {
    let shape = (rows, 1, SIDE, SIDE);
    Ok(random.normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?)
}

/// The labelled faces' classes `(14,)`.
pub(crate) fn labels() -> Result<Tensor> {
    let labels = (0..LABELED).map(|face| (face % CLASSES) as u32);
    Ok(Tensor::from_iter(labels, &Device::Cpu)?)
}

/// The batch of that step: just the views that were asked for.
///
/// # Errors
/// Those of candle.
pub fn batch(step: usize, views: Views) -> Result<Batch> {
    let mut random = Random::new(3).split_index(step as u64);
    let images = faces(&mut random, LABELED)?;
    let mut several = |count: usize| -> Result<Vec<Tensor>> {
        (0..count).map(|_| faces(&mut random, UNLABELED)).collect()
    };
    let (weak, strong) = (several(views.weak)?, several(views.strong)?);
    let rotated = match views.rotated {
        true => Some(Rotated {
            images: faces(&mut random, UNLABELED)?,
            quarters: Tensor::from_iter((0..UNLABELED as u32).map(|i| i % 4), &Device::Cpu)?,
        }),
        false => None,
    };
    let mut places: Vec<usize> = (0..TRAINING_FACES).collect();
    random.shuffle(&mut places);
    places.truncate(UNLABELED);
    Ok(Batch {
        labeled: Labeled {
            images,
            labels: labels()?,
            index: (0..LABELED).filter(|_| views.labeled_index).collect(),
        },
        unlabeled: Unlabeled {
            weak,
            strong,
            rotated,
            index: places.into_iter().filter(|_| views.index).collect(),
            hidden_labels: Vec::new(),
        },
    })
}
