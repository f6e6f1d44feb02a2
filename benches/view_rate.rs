//! Our side of `cargo xtask peers views`: what tests/peers/torch_views.py does, with this library's loader.
//!
//! `cargo bench --bench view_rate -- --folder DIR --size 48`. Prints a JSON object, `{"images_per_s",
//! "cpu_ms", "images"}`: images of which three views (weak, weak, strong) were made as tensors, each second, and
//! the processor's time an image. With `--only-write` views are not made: as many numbers are written.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use candle_core::Device;
use clap::Parser;
use leaf_core::Random;
use leaf_data::augment::Border;
use leaf_data::{
    AugmentConfig, Color, DataSet, Entry, Faces, ImageConfig, LabelSplit, Loader, LoaderConfig,
    Normalization, SplitConfig,
};
use leaf_ssl::Views;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Images of a batch, and batches before those that count.
const BATCH: usize = 16;
const WARM_UP: usize = 8;

/// Pixels by which a view may be shifted, as LEAF's authors have it.
const SHIFT: f64 = 8.;

/// Makes views of a folder's JPEG files for some seconds.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of .jpg files.
    #[arg(long)]
    folder: PathBuf,
    /// Pixels of a view's side.
    #[arg(long, default_value_t = 48)]
    size: usize,
    /// Threads that make views.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Keep decoded faces, all of which are decoded before the first view that counts.
    #[arg(long)]
    cache: bool,
    /// How long views are made.
    #[arg(long, default_value_t = 3.)]
    seconds: f64,
    /// Write numbers alone.
    #[arg(long)]
    only_write: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    if arguments.only_write {
        let floats = 3 * BATCH * 3 * arguments.size * arguments.size;
        return arguments.measure(|| {
            let mut numbers: Vec<f32> = Vec::with_capacity(floats);
            numbers.resize(floats, black_box(0.5));
            black_box(&numbers);
            Ok(())
        });
    }
    let mut loader = arguments.loader()?;
    arguments.measure(|| {
        let batch = loader.next().ok_or("the sequence is endless")??;
        black_box(&batch.unlabeled.strong);
        Ok(())
    })
}

impl Arguments {
    /// Takes batches until the time is over.
    fn measure(&self, mut batch: impl FnMut() -> Outcome) -> Outcome {
        for _ in 0..WARM_UP {
            batch()?;
        }
        let (began, cpu) = (Instant::now(), cpu_ms()?);
        let mut images = 0;
        while began.elapsed().as_secs_f64() < self.seconds {
            batch()?;
            images += BATCH;
        }
        let seconds = began.elapsed().as_secs_f64();
        let line = serde_json::json!({
            "images_per_s": images as f64 / seconds,
            "cpu_ms": (cpu_ms()? - cpu) / images as f64,
            "images": images,
        });
        println!("{line}");
        Ok(())
    }

    fn loader(&self) -> Outcome<Loader> {
        let data = read(&self.folder)?;
        let images = ImageConfig {
            size: self.size,
            color: Color::Rgb,
            normalization: Some(Normalization::imagenet()),
        };
        let mut faces = Faces::new(data.training(), &images)?;
        if self.cache {
            faces.preload(|_, _| ())?;
        } else {
            faces = faces.with_cache(0);
        }
        // A batch has one labeled face besides, which is not counted.
        let config = LoaderConfig {
            batch_size: 1,
            mu: BATCH,
            threads: Some(self.threads),
            augment: AugmentConfig {
                padding: SHIFT / self.size as f64,
                border: Border::Black,
                ..AugmentConfig::default()
            },
            ..LoaderConfig::default()
        };
        let views = Views {
            weak: 2,
            ..Views::WEAK_STRONG
        };
        let split = SplitConfig {
            labels_per_class: 1,
            ..SplitConfig::default()
        };
        let (split, random) = (LabelSplit::new(&data, &split)?, Random::new(0));
        let device = Device::Cpu;
        Ok(Loader::new(
            Arc::new(faces),
            &split,
            views,
            &config,
            &random,
            &device,
        )?)
    }
}

/// The folder's files as a data set; labels are of no matter here.
fn read(folder: &Path) -> Outcome<DataSet> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "jpg") {
            paths.push(path);
        }
    }
    paths.sort();
    let entries = paths.into_iter().enumerate();
    let entries = entries.map(|(i, path)| Entry::file(i.to_string(), Some(i as u32 % 2), path));
    Ok(DataSet::new(
        "views",
        ["even", "odd"],
        entries.collect(),
        Vec::new(),
    )?)
}

/// The processor's time of this process and its threads so far.
fn cpu_ms() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse().unwrap_or(f64::NAN))
        .sum();
    Ok(ticks * 10.)
}
