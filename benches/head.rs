//! LEAF's whole head on features, beside the linear classifier that it takes the place of.
//!
//! `cargo bench --bench head`; the ids hold rows x width and the preset.

use std::hint::black_box;

use candle_core::{DType, Device, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{
    LeafConfig, LeafHead, Mode, NoiseSource, Parameters, Random, backward, cross_entropy, leaf_head,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 7;
const DIM: usize = 512;

fn train(head: &LeafHead, features: &Var, labels: &Tensor) -> leaf_core::Result<()> {
    let output = head.forward(features, Mode::Train)?;
    let loss = cross_entropy(&output.logits, labels)?.mean_all()?;
    let loss = match output.balance {
        Some(balance) => (loss + (balance * 0.01)?)?,
        None => loss,
    };
    backward(&loss)?;
    Ok(())
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    for rows in [16, 64, 256] {
        let features =
            Random::new(1).normal_tensor(0., 1., (rows, DIM), DType::F32, &Device::Cpu)?;
        let features = Var::from_tensor(&features)?;
        let labels = Tensor::from_iter((0..rows as u32).map(|i| i % 7), &Device::Cpu)?;
        let mut group = criterion.benchmark_group("head");
        group.sample_size(20);
        group.throughput(Throughput::Elements(rows as u64));
        for (preset, config) in [
            ("off", LeafConfig::off()),
            ("robust", LeafConfig::robust()),
            ("paper", LeafConfig::paper()),
            ("released", LeafConfig::released()),
        ] {
            let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
            let noise = NoiseSource::new(Random::new(0));
            let head = leaf_head(&config, DIM, CLASSES, vb, &noise)?;
            let shape = format!("{rows}x{DIM} {preset}");
            group.bench_function(BenchmarkId::new("eval", &shape), |bencher| {
                bencher.iter(|| black_box(head.forward(&features, Mode::Eval)).expect("a pass"));
            });
            group.bench_function(BenchmarkId::new("train", &shape), |bencher| {
                bencher.iter(|| train(&head, &features, &labels).expect("a pass"));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
