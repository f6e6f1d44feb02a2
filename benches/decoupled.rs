//! The category level's losses and cross-entropy: by hand, and their twins of candle's operations.
//!
//! `cargo bench --bench decoupled`; the ids hold faces x classes.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::ops::softmax_last_dim;
use criterion::{BenchmarkId, Criterion, Throughput};
use leaf_core::{
    CategoryDecoupling, DecouplingConfig, LabelSets, Random, Result, backward, cross_entropy,
    decoupled_consistency, plain, positive_set_loss, soft_cross_entropy,
};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A loss of strong logits that is held to these.
struct Targets {
    sets: LabelSets,
    classes: Tensor,
    probs: Tensor,
}

type Loss = fn(&Tensor, &Targets) -> Result<Tensor>;

/// Each loss by hand and by candle's operations.
const LOSSES: [(&str, [Loss; 2]); 4] = [
    (
        "decoupled",
        [
            |s, t| decoupled_consistency(s, &t.sets),
            |s, t| plain::decoupled_consistency(s, &t.sets),
        ],
    ),
    (
        "positive set",
        [
            |s, t| positive_set_loss(s, &t.sets),
            |s, t| plain::positive_set_loss(s, &t.sets),
        ],
    ),
    (
        "cross-entropy",
        [
            |s, t| cross_entropy(s, &t.classes),
            |s, t| plain::cross_entropy(s, &t.classes),
        ],
    ),
    (
        "soft cross-entropy",
        [
            |s, t| soft_cross_entropy(s, &t.probs),
            |s, t| plain::soft_cross_entropy(s, &t.probs),
        ],
    ),
];

fn main() -> Outcome {
    let mut criterion = Criterion::default().configure_from_args();
    for (rows, classes) in [(16, 7), (64, 7), (256, 7), (1024, 7), (1024, 100)] {
        let mut random = Random::new(1);
        let mut normal =
            |std| random.normal_tensor(0., std, (rows, classes), DType::F32, &Device::Cpu);
        let (strong, weak) = (Var::from_tensor(&normal(1.)?)?, normal(2.)?);
        let probs = softmax_last_dim(&weak)?;
        let config = DecouplingConfig::default();
        let decoupling = CategoryDecoupling::new(config.clone(), classes)?;
        let targets = Targets {
            sets: decoupling.decouple(&probs)?,
            classes: probs.argmax(1)?,
            probs: probs.clone(),
        };
        let shape = format!("{rows}x{classes}");
        let mut group = criterion.benchmark_group("losses of faces");
        group.sample_size(20);
        group.throughput(Throughput::Elements(rows as u64));
        for (name, losses) in LOSSES {
            for (way, loss) in ["by hand", "candle"].into_iter().zip(losses) {
                let id = BenchmarkId::new(format!("{name}/{way}"), &shape);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| {
                        let losses = loss(&strong, &targets).expect("losses");
                        backward(&losses.mean_all().expect("a mean")).expect("gradients")
                    });
                });
            }
        }
        group.bench_function(BenchmarkId::new("sets/by hand", &shape), |bencher| {
            bencher.iter(|| decoupling.decouple(&probs).expect("sets"));
        });
        group.bench_function(BenchmarkId::new("sets/candle", &shape), |bencher| {
            bencher.iter(|| plain::decouple(&probs, &config).expect("sets"));
        });
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
