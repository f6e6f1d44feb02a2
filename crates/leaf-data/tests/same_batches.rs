//! A thousand batches are the same in every byte, however many threads make them and wherever a run begins.
#![cfg(feature = "drawn-faces")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use candle_core::{Device, Tensor};
use leaf_core::Random;
use leaf_data::{
    Color, Error, Faces, ImageConfig, LabelSplit, Loader, LoaderConfig, SplitConfig, drawn_faces,
};
use leaf_ssl::{Batch, Views};

const BATCHES: u64 = 1000;
const RESUMED: u64 = 617;

const VIEWS: Views = Views {
    weak: 2,
    rotated: true,
    index: true,
    labeled_index: true,
    ..Views::WEAK_STRONG
};

fn loader(threads: usize, cache_mb: usize) -> Result<Loader, Error> {
    let data = drawn_faces()?;
    let split = LabelSplit::new(&data, &SplitConfig::default())?;
    let images = ImageConfig {
        size: 16,
        color: Color::Rgb,
        normalization: None,
    };
    let faces = Faces::new(data.training(), &images)?.with_cache(cache_mb);
    let config = LoaderConfig {
        batch_size: 3,
        mu: 2,
        threads: Some(threads),
        ..LoaderConfig::default()
    };
    Loader::new(
        Arc::new(faces),
        &split,
        VIEWS,
        &config,
        &Random::new(5),
        &Device::Cpu,
    )
}

fn bytes(tensor: &Tensor, hash: &mut impl Hasher) -> Result<(), Error> {
    tensor.dims().hash(hash);
    for number in tensor.flatten_all()?.to_vec1::<f32>()? {
        hash.write_u32(number.to_bits());
    }
    Ok(())
}

/// Everything that a batch holds.
fn hash(batch: &Batch) -> Result<u64, Error> {
    let mut hash = DefaultHasher::new();
    let (labeled, unlabeled) = (&batch.labeled, &batch.unlabeled);
    bytes(&labeled.images, &mut hash)?;
    labeled.labels.to_vec1::<u32>()?.hash(&mut hash);
    labeled.index.hash(&mut hash);
    for view in unlabeled.weak.iter().chain(&unlabeled.strong) {
        bytes(view, &mut hash)?;
    }
    if let Some(rotated) = &unlabeled.rotated {
        bytes(&rotated.images, &mut hash)?;
        rotated.quarters.to_vec1::<u32>()?.hash(&mut hash);
    }
    (&unlabeled.index, &unlabeled.hidden_labels).hash(&mut hash);
    Ok(hash.finish())
}

fn hashes(loader: Loader, count: u64) -> Result<Vec<u64>, Error> {
    loader
        .take(count as usize)
        .map(|batch| hash(&batch?))
        .collect()
}

#[test]
fn neither_threads_nor_memory_nor_a_new_beginning_change_a_batch() -> Result<(), Error> {
    let one = hashes(loader(1, 2048)?, BATCHES)?;
    let different: std::collections::HashSet<&u64> = one.iter().collect();
    assert_eq!(different.len(), one.len(), "two batches are the same");
    for threads in [2, 4] {
        assert_eq!(
            hashes(loader(threads, 2048)?, BATCHES)?,
            one,
            "{threads} threads"
        );
    }
    // A megabyte holds half of the faces.
    assert_eq!(hashes(loader(2, 1)?, BATCHES)?, one, "little memory");
    let resumed = loader(2, 0)?.start_at(RESUMED);
    assert_eq!(
        hashes(resumed, BATCHES - RESUMED)?,
        one[RESUMED as usize..],
        "resumed"
    );
    Ok(())
}
