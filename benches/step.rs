//! Our side of `cargo xtask peers step`: what tests/peers/torch_step.py does, with this library.
//!
//! `cargo bench --bench step -- --model resnet18 --size 112 --batch 16`. Prints a JSON object a step,
//! `{"ms", "cpu_ms"}`, and at last `{"peak_mb"}`. Threads are set by `RAYON_NUM_THREADS`.

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
            ..NoisyTopKConfig::default()
        },
        expert: ExpertKind::ResidualMlp { hidden: None },
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

/// Seconds of the processor that this process has used, and its peak resident memory in MB.
fn usage() -> Outcome<(f64, f64)> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Fields 14 and 15, counted after the name in parentheses, in hundredths of a second.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |field: usize| -> Outcome<f64> {
        Ok(fields
            .get(field)
            .ok_or("short /proc/self/stat")?
            .parse::<f64>()?)
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|text| text.split_whitespace().next())
        .ok_or("no VmHWM in /proc/self/status")?;
    Ok((
        (ticks(11)? + ticks(12)?) / 100.,
        peak.parse::<f64>()? / 1024.,
    ))
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    let (student, copy) = (Parameters::new(0), Parameters::new(0));
    let network = Network::new(arguments.model, &student)?;
    Network::new(arguments.model, &copy)?;
    let average = WeightAverage::new(0.999, &student, &copy)?;
    average.copy()?;
    let mut optimizer = Adam::new(&student.trainable(), AdamConfig::default())?;
    let mut random = Random::new(1);
    let shape = (arguments.batch, 3, arguments.size, arguments.size);
    let views = (0..4)
        .map(|_| Ok(random.normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?))
        .collect::<Outcome<Vec<Tensor>>>()?;
    let labels = (0..arguments.batch as u32).map(|face| face % CLASSES as u32);
    let labels = Tensor::from_iter(labels, &Device::Cpu)?;
    for _ in 0..arguments.steps {
        let (wall, (cpu, _)) = (Instant::now(), usage()?);
        if arguments.mode == Pass::Eval {
            network.forward(&views[0], Mode::Eval)?;
        } else {
            let loss = loss(&network, &views, &labels, arguments.mode)?;
            let gradients = Gradients::of(&loss, optimizer.parameters())?;
            drop(loss);
            optimizer.step_with_average(&gradients, 5e-4, &average)?;
        }
        let (ms, cpu_ms) = (wall.elapsed().as_secs_f64() * 1e3, (usage()?.0 - cpu) * 1e3);
        println!("{}", serde_json::json!({ "ms": ms, "cpu_ms": cpu_ms }));
    }
    println!("{}", serde_json::json!({ "peak_mb": usage()?.1 }));
    Ok(())
}
