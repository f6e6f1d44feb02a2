//! Our side of `cargo xtask peers step`: what tests/peers/torch_step.py does, with this library.
//!
//! `cargo bench --bench step -- --model resnet18 --size 112 --batch 16`. Prints a JSON object a step,
//! `{"ms", "cpu_ms"}`, and at last `{"peak_mb", "start_mb"}`, the latter before there is a network.
//! Threads are set by `RAYON_NUM_THREADS`.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use clap::{Parser, ValueEnum};
use leaf_core::{
    CategoryDecoupling, ContrastiveConfig, DecouplingConfig, Encoder, ExpertKind, GateWeighting,
    HeadOutput, InstanceLevel, LeafConfig, LeafHead, MixtureConfig, Mode, NoiseSource,
    NoisyTopKConfig, Normalization, Pairs, Parameters, Random, SetWeighting, contrastive,
    cross_entropy, decoupled_consistency, leaf_head,
};
use leaf_train::{Adam, AdamConfig, Gradients, Optimizer, WeightAverage};
use leaf_vision::{ResNet, ResNetConfig, resnet};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 7;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    Resnet18,
    Narrow,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Pass {
    /// Four views, a forward pass each.
    Separate,
    /// Four views in one forward pass.
    Concat,
    /// The labelled view alone.
    Supervised,
    /// The labelled view in evaluation.
    Eval,
}

impl Pass {
    fn views(self) -> usize {
        match self {
            Self::Separate | Self::Concat => 4,
            Self::Supervised | Self::Eval => 1,
        }
    }
}

/// Steps of training or evaluation, timed one by one.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value = "resnet18")]
    model: Model,
    #[arg(long, default_value = "separate")]
    mode: Pass,
    /// Pixels of a side.
    #[arg(long, default_value_t = 112)]
    size: usize,
    /// Faces of a view.
    #[arg(long, default_value_t = 16)]
    batch: usize,
    #[arg(long, default_value_t = 7)]
    steps: usize,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Network {
    encoder: ResNet,
    head: LeafHead,
}

impl Network {
    fn new(model: Model, parameters: &Parameters) -> Outcome<Self> {
        let config = match model {
            Model::Resnet18 => ResNetConfig::resnet18(),
            Model::Narrow => ResNetConfig::narrow(),
        };
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let noise = NoiseSource::new(Random::new(0));
        let dim = config.feature_dim();
        Ok(Self {
            encoder: resnet(&config, vb.pp("encoder"))?,
            head: leaf_head(&leaf(), dim, CLASSES, vb.pp("head"), &noise)?,
        })
    }

    fn forward(&self, images: &Tensor, mode: Mode) -> Outcome<HeadOutput> {
        Ok(self
            .head
            .forward(&self.encoder.encode(images, mode)?, mode)?)
    }
}

/// Two mixtures of 8 distinct residual experts, one expert a face.
fn leaf() -> LeafConfig {
    let mixture = MixtureConfig {
        gate: NoisyTopKConfig {
            num_experts: 8,
            k: 1,
            weighting: GateWeighting::SoftmaxTopK,
            init_std: 0.01,
            ..NoisyTopKConfig::default()
        },
        expert: ExpertKind::ResidualMlp { hidden: None },
        zero_init: false,
        ..MixtureConfig::default()
    };
    LeafConfig {
        semantic: Some(mixture.clone()),
        instance: Some(InstanceLevel::Features(mixture)),
        normalization: Normalization::Unit,
        dropout: 0.5,
        ..LeafConfig::off()
    }
}

/// The four views in the order labelled, weak, weak, strong.
fn loss(network: &Network, views: &[Tensor], labels: &Tensor, pass: Pass) -> Outcome<Tensor> {
    let forward = |view: usize| network.forward(&views[view], Mode::Train);
    if pass == Pass::Supervised {
        let output = forward(0)?;
        let loss = cross_entropy(&output.logits, labels)?.mean_all()?;
        return Ok((loss + (balance(&[&output])? * 0.01)?)?);
    }
    let (logits, features, balance) = if pass == Pass::Concat {
        let output = network.forward(&Tensor::cat(views, 0)?, Mode::Train)?;
        (
            output.logits.chunk(4, 0)?,
            output.features.chunk(4, 0)?,
            balance(&[&output])?,
        )
    } else {
        let (weak1, weak2) = (forward(1)?, forward(2)?);
        let (labelled, strong) = (forward(0)?, forward(3)?);
        let balance = (balance(&[&labelled, &strong])? * 0.5)?;
        let outputs = [labelled, weak1, weak2, strong];
        (
            outputs.iter().map(|o| o.logits.clone()).collect(),
            outputs.iter().map(|o| o.features.clone()).collect(),
            balance,
        )
    };
    let weak = |view: usize| candle_nn::ops::softmax(&logits[view].detach(), 1);
    let probs = ((weak(1)? + weak(2)?)? * 0.5)?;
    let accepted = probs.max(1)?.ge(0.8)?.to_dtype(DType::F32)?;
    let config = DecouplingConfig {
        weighting: SetWeighting::None,
        teacher_temperature: 1.,
        ..DecouplingConfig::default()
    };
    let sets = CategoryDecoupling::new(config, CLASSES)?.decouple(&probs)?;
    let consistency = (decoupled_consistency(&logits[3], &sets)? * accepted)?.mean_all()?;
    let pairs = Tensor::stack(&[&features[1], &features[2]], 1)?;
    let contrast = contrastive(&pairs, Pairs::Faces, &ContrastiveConfig::default())?.mean_all()?;
    let supervised = (cross_entropy(&logits[0], labels)?.mean_all()? * 0.5)?;
    Ok((supervised + consistency + (contrast * 0.1)? + (balance * 0.01)?)?)
}

/// The sum of the mixtures' balance.
fn balance(outputs: &[&HeadOutput]) -> Outcome<Tensor> {
    let terms = outputs
        .iter()
        .filter_map(|output| output.balance.clone())
        .collect::<Vec<_>>();
    Ok(Tensor::stack(&terms, 0)?.sum_all()?)
}

/// What changes with a step of training.
struct Training {
    optimizer: Adam,
    average: WeightAverage,
}

impl Training {
    fn new(model: Model, student: &Parameters) -> Outcome<Self> {
        let copy = Parameters::new(0);
        Network::new(model, &copy)?;
        let average = WeightAverage::new(0.999, student, &copy)?;
        average.copy()?;
        Ok(Self {
            optimizer: Adam::new(&student.trainable(), AdamConfig::default())?,
            average,
        })
    }

    fn step(&mut self, loss: Tensor) -> Outcome {
        let gradients = Gradients::of(&loss, self.optimizer.parameters())?;
        drop(loss);
        self.optimizer
            .step_with_average(&gradients, 5e-4, &self.average)?;
        Ok(())
    }
}

/// Milliseconds of the processor that the threads of this process have used.
fn cpu_ms() -> Outcome<f64> {
    let mut nanoseconds = 0.;
    for thread in std::fs::read_dir("/proc/self/task")? {
        // Finer than the ticks of /proc/self/stat; the threads of a pool live as long as we do.
        let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split_whitespace().next().ok_or("an empty schedstat")?;
        nanoseconds += first.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

/// The peak resident memory of this process in MB.
fn peak_mb() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.split_whitespace().next())
        .ok_or("no VmHWM in /proc/self/status")?;
    Ok(peak.parse::<f64>()? / 1024.)
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    let start_mb = peak_mb()?;
    let (model, pass) = (arguments.model, arguments.mode);
    let student = Parameters::new(0);
    let network = Network::new(model, &student)?;
    let mut training = match pass {
        Pass::Eval => None,
        _ => Some(Training::new(model, &student)?),
    };
    let mut random = Random::new(1);
    let shape = (arguments.batch, 3, arguments.size, arguments.size);
    let views = (0..pass.views())
        .map(|_| Ok(random.normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?))
        .collect::<Outcome<Vec<Tensor>>>()?;
    let labels = (0..arguments.batch as u32).map(|face| face % CLASSES as u32);
    let labels = Tensor::from_iter(labels, &Device::Cpu)?;
    for _ in 0..arguments.steps {
        let (wall, cpu) = (Instant::now(), cpu_ms()?);
        match &mut training {
            Some(training) => training.step(loss(&network, &views, &labels, pass)?)?,
            None => drop(network.forward(&views[0], Mode::Eval)?),
        }
        let (ms, cpu_ms) = (wall.elapsed().as_secs_f64() * 1e3, cpu_ms()? - cpu);
        println!("{}", serde_json::json!({ "ms": ms, "cpu_ms": cpu_ms }));
    }
    let last = serde_json::json!({ "peak_mb": peak_mb()?, "start_mb": start_mb });
    println!("{last}");
    Ok(())
}
