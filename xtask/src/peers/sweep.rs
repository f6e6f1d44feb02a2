//! `cargo xtask peers sweep`.

use std::path::PathBuf;

use clap::Args;

use super::case::positive;
use super::load::Watch;
use super::plot::{Curve, draw};
use super::sample::Job;
use super::{environment, results};
use crate::Outcome;
use crate::workspace::root;

/// Faces of the sweep over sizes, and pixels of the sweep over batches.
const BATCH: usize = 16;
const SIZE: usize = 64;

const BATCHES: [usize; 6] = [4, 8, 16, 32, 64, 128];
const SIZES: [usize; 7] = [32, 64, 96, 128, 160, 224, 288];

/// Our supervised training step of a ResNet-18 against batch (at 64 pixels) and size (16 faces).
#[derive(Debug, Args)]
pub(crate) struct Sweep {
    /// Where the table (.csv) and the plot (.svg) go.
    #[arg(long, value_name = "PATH", default_value = "docs/step-time")]
    out: PathBuf,
    /// How many threads.
    #[arg(long, default_value_t = 2, value_parser = positive)]
    threads: usize,
    /// Steps of a process that count, of which the median is taken.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    steps: usize,
    /// Takes samples although other work runs.
    #[arg(long)]
    allow_load: bool,
}

impl Sweep {
    pub(super) fn run(&self) -> Outcome {
        let path = |extension: &str| root().join(self.out.with_extension(extension));
        results::check(&path("csv"))?;
        let ours = environment::ours("step")?;
        let mut watch = Watch::new(self.allow_load);
        let mut rows = vec!["size,batch,pixels,ms,peak_mb".to_owned()];
        let mut measure = |size: usize, batch: usize| -> Outcome<(f64, f64)> {
            let job = Job {
                model: "resnet18".to_owned(),
                mode: "supervised".to_owned(),
                size,
                batch,
                steps: self.steps,
                threads: self.threads,
            };
            let sample = watch.sample(|| job.ours(&ours))?;
            eprintln!(
                "{size} px, {batch} faces: {:.1} ms, {:.0} MB",
                sample.ms, sample.peak_mb
            );
            let pixels = size * size * batch;
            rows.push(format!(
                "{size},{batch},{pixels},{:.2},{:.1}",
                sample.ms, sample.peak_mb
            ));
            Ok((sample.ms, sample.peak_mb))
        };
        let mut by_batch = Curve::new("against batch, 64 px", "faces");
        for batch in BATCHES {
            by_batch.push(batch as f64, measure(SIZE, batch)?);
        }
        let mut by_size = Curve::new("against size, 16 faces", "thousand pixels of a face");
        for size in SIZES {
            by_size.push((size * size) as f64 / 1000., measure(size, BATCH)?);
        }
        for curve in [&by_batch, &by_size] {
            let [time, memory] = curve.determination();
            println!(
                "{}: a line explains {time:.4} of the time's variance, {memory:.4} of the memory's",
                curve.name
            );
        }
        eprintln!("{}", watch.report());
        results::write(&path("csv"), &(rows.join("\n") + "\n"))?;
        let title = format!(
            "ResNet-18 training step, {}, {} used, {}",
            environment::machine(),
            self.threads,
            environment::today()
        );
        draw(&path("svg"), &title, &[by_batch, by_size])
    }
}
