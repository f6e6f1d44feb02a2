//! Our side of `cargo xtask gradient-error`: a step of ResNet-18 in f32, and the decisions it took.
//!
//! `cargo bench --bench gradient_error -- --seed 0 --out DIR`. Writes safetensors that
//! tests/peers/gradient_error.py reads: `start` (parameters, images, labels), `gradients` by the names of
//! the parameters, and `decisions`, the output of every rectifier in the order of the forward pass.

use std::collections::HashMap;
use std::path::PathBuf;

use candle_core::{DType, Device, Tensor};
use candle_nn::{Module, VarBuilder};
use clap::Parser;
use leaf_core::{Encoder, Mode, Parameters, Random, cross_entropy};
use leaf_vision::{
    Activation, BatchNorm2d, BatchNormConfig, Conv2d, Conv2dConfig, Map, Pass, ResNetConfig,
    batch_norm2d, conv2d, resnet,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const CLASSES: usize = 7;

/// The gradients of one step and the decisions behind them.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Images of the batch.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Pixels of a side.
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// The folder to write to.
    #[arg(long, default_value = "target/gradient-error")]
    out: PathBuf,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A convolution with its batch norm.
struct Unit(Conv2d, BatchNorm2d);

impl Unit {
    fn new(
        (inputs, outputs): (usize, usize),
        (kernel, stride): (usize, usize),
        paths: [VarBuilder; 2],
    ) -> Outcome<Self> {
        let config = Conv2dConfig {
            stride,
            padding: kernel / 2,
            ..Default::default()
        };
        let [conv, norm] = paths;
        Ok(Self(
            conv2d(inputs, outputs, kernel, &config, conv)?,
            batch_norm2d(outputs, &BatchNormConfig::default(), norm)?,
        ))
    }

    fn run(
        &self,
        pass: &mut Pass,
        xs: &Map,
        residual: Option<&Map>,
        activation: Activation,
    ) -> leaf_vision::Result<Map> {
        pass.convolve_normalize(xs, (&self.0, &self.1), residual, activation)
    }
}

struct Block {
    first: Unit,
    second: Unit,
    shortcut: Option<Unit>,
}

/// ResNet-18 layer by layer, on the parameters of the network itself.
struct Layers {
    stem: Unit,
    blocks: Vec<Block>,
}

impl Layers {
    fn new(config: &ResNetConfig, vb: VarBuilder) -> Outcome<Self> {
        let mut inputs = config.widths[0];
        let stem = [vb.pp("conv1"), vb.pp("bn1")];
        let stem = Unit::new((config.in_channels, inputs), (7, 2), stem)?;
        let mut blocks = Vec::new();
        for (stage, width) in config.widths.iter().copied().enumerate() {
            for index in 0..config.blocks[stage] {
                let vb = vb.pp(format!("layer{}.{index}", stage + 1));
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let path = |name: &str| vb.pp(name);
                let unit = |shape, stride, names: [&str; 2]| {
                    Unit::new(shape, (3, stride), names.map(path))
                };
                let shortcut = match stride {
                    1 => None,
                    _ => Some(Unit::new(
                        (inputs, width),
                        (1, stride),
                        ["downsample.0", "downsample.1"].map(path),
                    )?),
                };
                blocks.push(Block {
                    first: unit((inputs, width), stride, ["conv1", "bn1"])?,
                    second: unit((width, width), 1, ["conv2", "bn2"])?,
                    shortcut,
                });
                inputs = width;
            }
        }
        Ok(Self { stem, blocks })
    }

    fn rectifiers(&self) -> usize {
        1 + 2 * self.blocks.len()
    }

    /// The output of the rectifier of that index, with the kernels of a pass that trains: a pass ends
    /// with one map, so each rectifier takes a pass of its own.
    fn rectified(&self, index: usize, images: &Tensor) -> Outcome<Tensor> {
        let (mut pass, xs) = Pass::begin(images, Mode::Train)?;
        let mut seen = 0;
        let mut is_last = || {
            seen += 1;
            seen == index + 1
        };
        let relu = Activation::Relu;
        let ys = self.stem.run(&mut pass, &xs, None, relu)?;
        if is_last() {
            return Ok(pass.finish(&ys)?);
        }
        let mut xs = pass.max_pool2d(&ys, 3, 2, 1)?;
        for block in &self.blocks {
            let shortcut = match &block.shortcut {
                Some(unit) => unit.run(&mut pass, &xs, None, Activation::Identity)?,
                None => xs.clone(),
            };
            let ys = block.first.run(&mut pass, &xs, None, relu)?;
            if is_last() {
                return Ok(pass.finish(&ys)?);
            }
            xs = block.second.run(&mut pass, &ys, Some(&shortcut), relu)?;
            if is_last() {
                break;
            }
        }
        Ok(pass.finish(&xs)?)
    }
}

fn main() -> Outcome {
    let arguments = Arguments::parse();
    let Arguments {
        seed, batch, size, ..
    } = arguments;
    let parameters = Parameters::new(seed);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let config = ResNetConfig::resnet18();
    let encoder = resnet(&config, vb.clone())?;
    let classifier = candle_nn::linear(config.feature_dim(), CLASSES, vb.pp("fc"))?;
    let shape = (batch, config.in_channels, size, size);
    let images =
        Random::new(seed ^ 0x1234).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)?;
    let labels: Vec<u32> = (0..batch).map(|row| (row % CLASSES) as u32).collect();
    let labels = Tensor::new(labels, &Device::Cpu)?;
    let mut start: HashMap<String, Tensor> = HashMap::new();
    for (name, var) in parameters.trainable() {
        start.insert(name, var.as_tensor().copy()?);
    }
    start.insert("images".to_owned(), images.clone());
    start.insert("labels".to_owned(), labels.clone());

    let features = encoder.encode(&images, Mode::Train)?;
    let losses = cross_entropy(&classifier.forward(&features)?, &labels)?;
    let graph = losses.mean_all()?.backward()?;
    let mut gradients = HashMap::new();
    for (name, var) in parameters.trainable() {
        let gradient = graph.get(&var).ok_or("a parameter without a gradient")?;
        gradients.insert(name, gradient.contiguous()?);
    }

    let layers = Layers::new(&config, vb)?;
    let mut decisions = HashMap::new();
    for index in 0..layers.rectifiers() {
        decisions.insert(
            index.to_string(),
            layers.rectified(index, &images)?.detach(),
        );
    }
    let last = &decisions[&(layers.rectifiers() - 1).to_string()];
    let map = encoder.feature_map(&images, Mode::Train)?;
    if last.flatten_all()?.to_vec1::<f32>()? != map.flatten_all()?.to_vec1::<f32>()? {
        return Err("the layers one by one give another map than the network".into());
    }

    std::fs::create_dir_all(&arguments.out)?;
    for (name, tensors) in [
        ("start", &start),
        ("gradients", &gradients),
        ("decisions", &decisions),
    ] {
        let path = arguments.out.join(format!("{name}.safetensors"));
        candle_core::safetensors::save(tensors, path)?;
    }
    Ok(())
}
