//! One step of the optimizers with and without the weight average: in one pass, and by candle's operations.
//!
//! `cargo bench --bench optimizer`; the last part of a name is the number of parameters. All of it is memory
//! traffic, so another program on the machine moves the numbers several-fold: compare only within one run.

use std::collections::BTreeMap;
use std::hint::black_box;

use candle_core::{DType, Device, Var};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use leaf_core::{Parameters, Random};
use leaf_train::{Adam, AdamConfig, Gradients, Optimizer, Sgd, SgdConfig, WeightAverage};
use leaf_vision::{ResNetConfig, resnet};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A network, its average, and gradients for all that is trained.
struct Case {
    trained: BTreeMap<String, Var>,
    gradients: Gradients,
    average: WeightAverage,
    count: usize,
}

impl Case {
    fn new(config: &ResNetConfig) -> Outcome<Self> {
        let (student, average) = (Parameters::new(0), Parameters::new(1));
        for parameters in [&student, &average] {
            resnet(config, parameters.builder(DType::F32, &Device::Cpu))?;
        }
        let trained = student.trainable();
        let mut random = Random::new(2);
        let mut gradients = Vec::new();
        for (name, var) in &trained {
            let gradient = random.normal_tensor(0., 0.01, var.shape(), DType::F32, var.device())?;
            gradients.push((name.clone(), gradient));
        }
        Ok(Self {
            count: trained.values().map(|var| var.elem_count()).sum(),
            average: WeightAverage::new(0.999, &student, &average)?,
            gradients: gradients.into_iter().collect(),
            trained,
        })
    }

    /// An optimizer in one pass, and its twin.
    fn optimizers(&self, name: &str) -> Outcome<[Box<dyn Optimizer>; 2]> {
        let config = match name {
            "adam" => AdamConfig::default(),
            "adamw" => AdamConfig::adamw(),
            _ => {
                let sgd = || Sgd::new(&self.trained, SgdConfig::default());
                return Ok([Box::new(sgd()?), Box::new(sgd()?.plain())]);
            }
        };
        let adam = || Adam::new(&self.trained, config);
        Ok([Box::new(adam()?), Box::new(adam()?.plain())])
    }
}

fn measure(group: &mut BenchmarkGroup<WallTime>, case: &Case, name: &str) -> Outcome<()> {
    let [mut fused, mut plain] = case.optimizers(name)?;
    let plain_average = case.average.clone().plain();
    let gradients = &case.gradients;
    let mut run = |what: &str, step: &mut dyn FnMut() -> leaf_train::Result<()>| {
        let id = BenchmarkId::new(format!("{name}/{what}"), case.count);
        group.bench_function(id, |bencher| {
            bencher.iter(|| step().expect("the gradients fit"));
        });
    };
    run("one pass", &mut || fused.step(gradients, 1e-4));
    run("candle", &mut || plain.step(gradients, 1e-4));
    run("one pass, average", &mut || {
        fused.step_with_average(gradients, 1e-4, &case.average)
    });
    run("candle, average", &mut || {
        plain.step(gradients, 1e-4)?;
        plain_average.update()
    });
    Ok(())
}

/// What comes before the step: the norm of all gradients, and a clipping that scales them.
fn measure_norm(group: &mut BenchmarkGroup<WallTime>, case: &Case) {
    group.bench_function(BenchmarkId::new("gradients/norm", case.count), |bencher| {
        bencher.iter(|| black_box(case.gradients.norm()).expect("a norm"));
    });
    group.bench_function(BenchmarkId::new("gradients/clip", case.count), |bencher| {
        bencher.iter(|| black_box(case.gradients.clone().clip(1e-3)).expect("a norm"));
    });
}

fn main() -> Outcome<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("optimizer");
    group.sample_size(20);
    for config in [ResNetConfig::resnet18(), ResNetConfig::narrow()] {
        let case = Case::new(&config)?;
        group.throughput(Throughput::Elements(case.count as u64));
        for name in ["sgd", "adam", "adamw"] {
            measure(&mut group, &case, name)?;
        }
        measure_norm(&mut group, &case);
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
