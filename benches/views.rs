//! Operations and whole views, from pixels to numbers.
//!
//! `cargo bench --bench views`; the ids hold pixels of a side and channels.

use std::hint::black_box;
use std::sync::Arc;

use candle_core::Device;
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::Random;
use leaf_data::augment::{Operation, flip};
use leaf_data::face::{decode, fit_square, resize};
use leaf_data::{
    AugmentConfig, Augmentation, Color, Face, Faces, ImageConfig, LabelSplit, Loader, LoaderConfig,
    SplitConfig, drawn_faces,
};
use leaf_ssl::Views;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    let drawn = drawn_faces()?.training()[0].face(Color::Rgb)?;
    decoding(&mut criterion, &drawn)?;
    for size in [48, 224] {
        let face = fit_square(&drawn, size)?;
        operations(&mut criterion, &face);
        views(&mut criterion, &face)?;
        batches(&mut criterion, size)?;
    }
    criterion.final_summary();
    Ok(())
}

/// A face of 100 pixels, as RAF-DB's aligned ones are.
fn decoding(criterion: &mut Criterion, drawn: &Face) -> Outcome {
    let face = resize(drawn, 100, 100)?;
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
    encoder.encode(face.samples(), 100, 100, image::ExtendedColorType::Rgb8)?;
    let mut group = criterion.benchmark_group("face");
    group.bench_function("decode/100 jpeg", |bencher| {
        bencher.iter(|| black_box(decode("face.jpg", &jpeg, Color::Rgb)).expect("an image"));
    });
    for size in [48, 224] {
        group.bench_function(BenchmarkId::new("resize/100 to", size), |bencher| {
            bencher.iter(|| black_box(fit_square(&face, size)).expect("a face"));
        });
    }
    group.finish();
    Ok(())
}

/// Each operation in the middle of its range; `identity` is what copying a face into planes and back costs.
fn operations(criterion: &mut Criterion, face: &Face) {
    let mut group = criterion.benchmark_group("operation");
    let shape = format!("{}x{}", face.width(), face.channels());
    for operation in Operation::ALL {
        let (low, high) = operation.range();
        let value = low + 0.7 * (high - low);
        let id = BenchmarkId::new(format!("{operation:?}"), &shape);
        group.bench_function(id, |bencher| {
            bencher.iter(|| black_box(operation.apply(face, value)));
        });
    }
    group.bench_function(BenchmarkId::new("flip", &shape), |bencher| {
        bencher.iter(|| black_box(flip(face)));
    });
    group.finish();
}

fn views(criterion: &mut Criterion, face: &Face) -> Outcome {
    let augmentation = Augmentation::new(AugmentConfig::default())?;
    let mut group = criterion.benchmark_group("view");
    let mut random = Random::new(0);
    let shape = format!("{}x{}", face.width(), face.channels());
    group.bench_function(BenchmarkId::new("weak", &shape), |bencher| {
        bencher.iter(|| black_box(augmentation.weak(face, &mut random)));
    });
    group.bench_function(BenchmarkId::new("strong", &shape), |bencher| {
        bencher.iter(|| black_box(augmentation.strong(face, &mut random)));
    });
    group.finish();
    Ok(())
}

/// Batches of 16 faces in three views and one labeled face, made on one thread from faces that are kept.
fn batches(criterion: &mut Criterion, size: usize) -> Outcome {
    let data = drawn_faces()?;
    let config = ImageConfig {
        size,
        color: Color::Rgb,
        normalization: None,
    };
    let faces = Arc::new(Faces::new(&data.training()[..256], &config)?);
    faces.preload(|_, _| ())?;
    let data =
        leaf_data::DataSet::new("d", data.classes(), data.training()[..256].to_vec(), vec![])?;
    let split = SplitConfig {
        labels_per_class: 1,
        ..SplitConfig::default()
    };
    let split = LabelSplit::new(&data, &split)?;
    let config = LoaderConfig {
        batch_size: 1,
        mu: 16,
        threads: Some(1),
        ..LoaderConfig::default()
    };
    let views = Views {
        weak: 2,
        ..Views::WEAK_STRONG
    };
    let mut loader = Loader::new(faces, &split, views, &config, &Random::new(0), &Device::Cpu)?;
    let mut group = criterion.benchmark_group("loader");
    group.sample_size(20);
    group.throughput(Throughput::Elements(16));
    group.bench_function(BenchmarkId::new("16 faces, 3 views", size), |bencher| {
        bencher.iter(|| black_box(loader.next()).expect("endless").expect("a batch"));
    });
    group.finish();
    Ok(())
}
