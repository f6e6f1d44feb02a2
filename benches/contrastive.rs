//! The contrastive loss: block by block, and its twin with the whole matrix of similarities.
//!
//! `cargo bench --bench contrastive`; the ids hold faces x views x width.

use candle_core::{DType, Device, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{
    ContrastiveConfig, Pairs, Random, Result, backward, contrastive, plain, unit_length,
};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

type Loss = fn(&Tensor, Pairs, &ContrastiveConfig) -> Result<Tensor>;

const DIM: usize = 512;

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    let config = ContrastiveConfig::default();
    for faces in [16, 64, 256, 1024] {
        let dims = (2 * faces, DIM);
        let rows = Random::new(1).normal_tensor(0., 1., dims, DType::F32, &Device::Cpu)?;
        let views = Var::from_tensor(&unit_length(&rows)?.reshape((faces, 2, DIM))?)?;
        let classes = Tensor::from_iter((0..faces as u32).map(|i| i % 7), &Device::Cpu)?;
        let mut group = criterion.benchmark_group("contrastive");
        group.sample_size(10);
        group.throughput(Throughput::Elements(faces as u64));
        let shape = format!("{faces}x2x{DIM}");
        for (kind, pairs) in [
            ("faces", Pairs::Faces),
            ("classes", Pairs::Classes(&classes)),
        ] {
            let ways: [(&str, Loss); 2] =
                [("by hand", contrastive), ("candle", plain::contrastive)];
            for (way, loss) in ways {
                let id = BenchmarkId::new(format!("{kind}/{way}"), &shape);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        let losses = loss(&views, pairs, &config).expect("losses");
                        backward(&losses.mean_all().expect("a mean")).expect("gradients")
                    });
                });
            }
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
