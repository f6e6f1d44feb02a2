//! Our side of `cargo xtask peers modules`: what tests/peers/torch_modules.py does, with this library.
//!
//! `cargo bench --bench modules -- --module aggregation --rows 16,64`. Prints a JSON object a case,
//! `{"module", "experts", "pass", "rows", "top_k", "ms", "cpu_ms"}`: the median wall time of the passes that
//! count, and the processor's time a pass. Threads are set by `RAYON_NUM_THREADS`.

use std::time::Instant;

use candle_core::{DType, Device, Var};
use clap::{Parser, ValueEnum};
use leaf_core::{
    Aggregator, CategoryDecoupling, ContrastiveConfig, DecouplingConfig, ExpertKind, GateWeighting,
    MixtureConfig, MixtureOfExperts, Mode, NoiseSource, NoisyTopKConfig, Pairs, Parameters, Random,
    SetWeighting, backward, contrastive, decoupled_consistency, mixture_of_experts, unit_length,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 7;

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Module {
    Aggregation,
    Decoupled,
    Contrastive,
    /// candle's product of two square matrices.
    Product,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Experts {
    /// Networks of two layers with weights of their own.
    Residual,
    /// Linear ones with weights of their own.
    Linear,
    /// One residual network that serves as every expert.
    Tied,
}

/// Passes of single modules, timed one by one.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, value_delimiter = ',', default_values = ["aggregation", "decoupled", "contrastive"])]
    module: Vec<Module>,
    #[arg(long, value_delimiter = ',', default_values = ["residual"])]
    experts: Vec<Experts>,
    #[arg(long, value_delimiter = ',', default_values = ["16", "64", "256", "1024"])]
    rows: Vec<usize>,
    #[arg(long, value_delimiter = ',', default_values = ["1", "2"])]
    top_k: Vec<usize>,
    #[arg(long, default_value_t = 512)]
    dim: usize,
    #[arg(long, default_value_t = 8)]
    num_experts: usize,
    /// Passes that count.
    #[arg(long, default_value_t = 50)]
    repeats: usize,
    /// Passes before those.
    #[arg(long, default_value_t = 10)]
    warm_up: usize,
    /// candle's operations instead of the modules by hand.
    #[arg(long)]
    plain: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a line says besides the times.
struct Case<'a> {
    module: &'a str,
    experts: &'a str,
    pass: &'a str,
    rows: usize,
    top_k: usize,
}

impl Arguments {
    fn measure(&self, case: &Case, mut pass: impl FnMut() -> Outcome) -> Outcome {
        let mut times = Vec::with_capacity(self.repeats);
        for _ in 0..self.warm_up {
            pass()?;
        }
        let cpu = cpu_ms()?;
        for _ in 0..self.repeats {
            let began = Instant::now();
            pass()?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let cpu = (cpu_ms()? - cpu) / self.repeats.max(1) as f64;
        times.sort_by(f64::total_cmp);
        let line = serde_json::json!({
            "module": case.module,
            "experts": case.experts,
            "pass": case.pass,
            "rows": case.rows,
            "top_k": case.top_k,
            "ms": times.get(times.len() / 2),
            "cpu_ms": cpu,
        });
        println!("{line}");
        Ok(())
    }

    fn mixture(
        &self,
        experts: Experts,
        k: usize,
        parameters: &Parameters,
    ) -> Outcome<MixtureOfExperts> {
        let config = MixtureConfig {
            gate: NoisyTopKConfig {
                num_experts: self.num_experts,
                k,
                weighting: GateWeighting::SoftmaxTopK,
                init_std: 0.05,
                ..NoisyTopKConfig::default()
            },
            expert: match experts {
                Experts::Linear => ExpertKind::Linear,
                Experts::Residual | Experts::Tied => ExpertKind::ResidualMlp { hidden: None },
            },
            tied: experts == Experts::Tied,
            zero_init: false,
            ..MixtureConfig::default()
        };
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let noise = NoiseSource::new(Random::new(0));
        let mixture = mixture_of_experts(self.dim, &config, vb, noise)?;
        Ok(if self.plain { mixture.plain() } else { mixture })
    }

    fn aggregation(&self, rows: usize, experts: Experts, top_k: usize) -> Outcome {
        let parameters = Parameters::new(0);
        let mixture = self.mixture(experts, top_k, &parameters)?;
        let xs =
            Random::new(1).normal_tensor(0., 0.3, (rows, self.dim), DType::F32, &Device::Cpu)?;
        let xs = Var::from_tensor(&xs)?;
        let experts = format!("{experts:?}").to_lowercase();
        let case = |pass| Case {
            module: "aggregation",
            experts: &experts,
            pass,
            rows,
            top_k,
        };
        self.measure(&case("eval"), || {
            mixture.aggregate(&xs, Mode::Eval)?;
            Ok(())
        })?;
        self.measure(&case("train"), || {
            let aggregated = mixture.aggregate(&xs, Mode::Train)?;
            let balance = aggregated.balance.ok_or("a mixture has a balance")?;
            backward(&(aggregated.output.sum_all()? + (balance * 0.01)?)?)?;
            Ok(())
        })
    }

    fn decoupled(&self, rows: usize) -> Outcome {
        let mut random = Random::new(2);
        let mut normal =
            |std| random.normal_tensor(0., std, (rows, CLASSES), DType::F32, &Device::Cpu);
        let (strong, weak) = (Var::from_tensor(&normal(1.)?)?, normal(2.)?);
        let config = DecouplingConfig {
            weighting: SetWeighting::Concave,
            teacher_temperature: 1.,
            ..DecouplingConfig::default()
        };
        let decoupling = CategoryDecoupling::new(config.clone(), CLASSES)?;
        let case = Case {
            module: "decoupled",
            experts: "",
            pass: "train",
            rows,
            top_k: 0,
        };
        self.measure(&case, || {
            let (sets, loss) = if self.plain {
                let sets = leaf_core::plain::decouple_logits(&weak, &config)?;
                let loss = leaf_core::plain::decoupled_consistency(&strong, &sets)?;
                (sets, loss)
            } else {
                let sets = decoupling.decouple_logits(&weak)?;
                let loss = decoupled_consistency(&strong, &sets)?;
                (sets, loss)
            };
            backward(&(loss * &sets.weight)?.mean_all()?)?;
            Ok(())
        })
    }

    fn product(&self, rows: usize) -> Outcome {
        let mut random = Random::new(4);
        let mut square = || random.normal_tensor(0., 1., (rows, rows), DType::F32, &Device::Cpu);
        let (a, b) = (square()?, square()?);
        let case = Case {
            module: "product",
            experts: "",
            pass: "eval",
            rows,
            top_k: 0,
        };
        self.measure(&case, || {
            a.matmul(&b)?;
            Ok(())
        })
    }

    fn contrastive(&self, rows: usize) -> Outcome {
        let dims = (2 * rows, self.dim);
        let views = Random::new(3).normal_tensor(0., 1., dims, DType::F32, &Device::Cpu)?;
        let views = unit_length(&views)?.reshape((rows, 2, self.dim))?;
        let views = Var::from_tensor(&views)?;
        let case = Case {
            module: "contrastive",
            experts: "",
            pass: "train",
            rows,
            top_k: 0,
        };
        let config = ContrastiveConfig::default();
        self.measure(&case, || {
            let loss = match self.plain {
                false => contrastive(&views, Pairs::Faces, &config)?,
                true => leaf_core::plain::contrastive(&views, Pairs::Faces, &config)?,
            };
            backward(&loss.mean_all()?)?;
            Ok(())
        })
    }
}

/// Milliseconds of the processor that the threads of this process have used.
fn cpu_ms() -> Outcome<f64> {
    let mut nanoseconds = 0.;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split_whitespace().next().ok_or("an empty schedstat")?;
        nanoseconds += first.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    for module in &arguments.module {
        for rows in &arguments.rows {
            match module {
                Module::Decoupled => arguments.decoupled(*rows)?,
                Module::Contrastive => arguments.contrastive(*rows)?,
                Module::Product => arguments.product(*rows)?,
                Module::Aggregation => {
                    for experts in &arguments.experts {
                        for top_k in &arguments.top_k {
                            arguments.aggregation(*rows, *experts, *top_k)?;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}
