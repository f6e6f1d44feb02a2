//! The mixture of experts: by hand, and its twin of candle's operations.
//!
//! `cargo bench --bench aggregation`; the ids hold rows x width, experts and how many a row keeps.

use std::hint::black_box;

use candle_core::{DType, Device, Var};
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{
    Aggregator, Combine, ExpertKind, MixtureConfig, MixtureOfExperts, Mode, NoiseSource,
    NoisyTopKConfig, Parameters, Random, backward, mixture_of_experts,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// What is measured, beside the number of rows.
struct Case {
    name: &'static str,
    dim: usize,
    num_experts: usize,
    k: usize,
    expert: ExpertKind,
    tied: bool,
    combine: Combine,
}

fn cases() -> Vec<Case> {
    let usual = |name| Case {
        name,
        dim: 512,
        num_experts: 8,
        k: 1,
        expert: ExpertKind::ResidualMlp { hidden: None },
        tied: false,
        combine: Combine::WeightedSum,
    };
    vec![
        usual("residual"),
        Case {
            k: 2,
            ..usual("residual")
        },
        Case {
            k: 2,
            combine: Combine::LogSpace,
            ..usual("log space")
        },
        Case {
            expert: ExpertKind::Linear,
            ..usual("linear")
        },
        Case {
            tied: true,
            ..usual("tied")
        },
        Case {
            num_experts: 64,
            k: 2,
            ..usual("residual")
        },
    ]
}

impl Case {
    fn mixture(&self) -> Outcome<MixtureOfExperts> {
        let config = MixtureConfig {
            gate: NoisyTopKConfig {
                num_experts: self.num_experts,
                k: self.k,
                ..NoisyTopKConfig::default()
            },
            expert: self.expert,
            tied: self.tied,
            zero_init: false,
            combine: self.combine,
        };
        let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
        let noise = NoiseSource::new(Random::new(0));
        Ok(mixture_of_experts(self.dim, &config, vb, noise)?)
    }
}

fn train(mixture: &MixtureOfExperts, xs: &Var) -> leaf_core::Result<()> {
    let aggregated = mixture.aggregate(xs, Mode::Train)?;
    let loss = aggregated.output.sum_all()?;
    let loss = match aggregated.balance {
        Some(balance) => (loss + balance)?,
        None => loss,
    };
    backward(&loss)?;
    Ok(())
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases() {
        let mixture = case.mixture()?;
        let mut group = criterion.benchmark_group(format!("aggregation, {}", case.name));
        group.sample_size(10);
        for rows in [16, 64, 256, 1024] {
            let dims = (rows, case.dim);
            let xs = Random::new(1).normal_tensor(0., 1., dims, DType::F32, &Device::Cpu)?;
            let xs = Var::from_tensor(&xs)?;
            group.throughput(Throughput::Elements(rows as u64));
            let shape = format!("{rows}x{} E{} k{}", case.dim, case.num_experts, case.k);
            for (way, mixture) in [
                ("by hand", mixture.clone()),
                ("candle", mixture.clone().plain()),
            ] {
                let id = BenchmarkId::new(format!("eval/{way}"), &shape);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| black_box(mixture.aggregate(&xs, Mode::Eval)).expect("a pass"));
                });
                let id = BenchmarkId::new(format!("train/{way}"), &shape);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| train(&mixture, &xs).expect("a pass"));
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
