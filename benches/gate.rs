//! The sparse gate: by hand, and its twin of candle's operations.
//!
//! `cargo bench --bench gate`; the ids hold rows x width, experts and how many a row keeps.

use std::hint::black_box;

use candle_core::{DType, Device, Var};
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{
    Gate, Mode, NoiseSource, NoisyTopK, NoisyTopKConfig, Parameters, Random, backward,
    balance_loss, noisy_top_k,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn train(gate: &NoisyTopK, xs: &Var) -> leaf_core::Result<()> {
    let routing = gate.route(xs, Mode::Train)?;
    let loss = (routing.weights.sum_all()? + balance_loss(&routing)?)?;
    backward(&loss)?;
    Ok(())
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    for (rows, dim, num_experts, k) in [
        (16, 512, 8, 1),
        (64, 512, 8, 2),
        (256, 512, 8, 2),
        (1024, 512, 8, 2),
        (1024, 512, 64, 4),
        (1024, 2048, 8, 2),
    ] {
        let config = NoisyTopKConfig {
            num_experts,
            k,
            ..NoisyTopKConfig::default()
        };
        let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
        let gate = noisy_top_k(dim, &config, vb, NoiseSource::new(Random::new(0)))?;
        let xs = Random::new(1).normal_tensor(0., 1., (rows, dim), DType::F32, &Device::Cpu)?;
        let xs = Var::from_tensor(&xs)?;
        let mut group = criterion.benchmark_group("gate");
        group.sample_size(20);
        group.throughput(Throughput::Elements(rows as u64));
        let shape = format!("{rows}x{dim} E{num_experts} k{k}");
        for (way, gate) in [("by hand", gate.clone()), ("candle", gate.plain())] {
            let id = BenchmarkId::new(format!("eval/{way}"), &shape);
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(gate.route(&xs, Mode::Eval)).expect("a routing"));
            });
            let id = BenchmarkId::new(format!("train/{way}"), &shape);
            group.bench_function(id, |bencher| {
                bencher.iter(|| train(&gate, &xs).expect("a pass"));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
