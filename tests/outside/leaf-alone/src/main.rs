//! LEAF's head on a candle model of one's own: candle's variables, candle's AdamW, a loop of one's own, and
//! `VarMap` for the weights' file.

use candle_core::{DType, Device, Tensor};
use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, ops::softmax};
use leaf_core::{
    CategoryDecoupling, DecouplingConfig, LeafConfig, LeafHead, Mode, NoiseSource, Random, Result,
    cross_entropy, leaf_head, positive_set_loss,
};

const CLASSES: usize = 5;
const INPUTS: usize = 12;
const WIDTH: usize = 24;
const DEVICE: Device = Device::Cpu;

/// A hidden layer of candle's, and LEAF's head on it.
struct Classifier {
    hidden: candle_nn::Linear,
    head: LeafHead,
}

impl Classifier {
    fn new(vars: &VarMap) -> Result<Self> {
        let vb = VarBuilder::from_varmap(vars, DType::F32, &DEVICE);
        let noise = NoiseSource::new(Random::new(1));
        Ok(Self {
            hidden: linear(INPUTS, WIDTH, vb.pp("hidden"))?,
            head: leaf_head(&LeafConfig::robust(), WIDTH, CLASSES, vb.pp("head"), &noise)?,
        })
    }

    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<leaf_core::HeadOutput> {
        let features = self.hidden.forward(&mode.view(xs))?.relu()?;
        self.head.forward(&features, mode)
    }
}

/// Noisy points around a centre for each class.
fn points(random: &mut Random, rows: usize) -> Result<(Tensor, Tensor)> {
    let centres = Random::new(9).normal_tensor(0., 1.5, (CLASSES, INPUTS), DType::F32, &DEVICE)?;
    let labels = Tensor::from_iter((0..rows as u32).map(|i| i % CLASSES as u32), &DEVICE)?;
    let noise = random.normal_tensor(0., 1., (rows, INPUTS), DType::F32, &DEVICE)?;
    Ok(((centres.index_select(&labels, 0)? + noise)?, labels))
}

fn accuracy(model: &Classifier, xs: &Tensor, labels: &Tensor) -> Result<f32> {
    let right = model
        .forward(xs, Mode::Eval)?
        .logits
        .argmax(1)?
        .eq(labels)?;
    Ok(right.to_dtype(DType::F32)?.mean_all()?.to_scalar()?)
}

fn main() -> Result<()> {
    let vars = VarMap::new();
    let model = Classifier::new(&vars)?;
    let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), CLASSES)?;
    let mut optimizer = AdamW::new(
        vars.all_vars(),
        ParamsAdamW {
            lr: 3e-3,
            ..Default::default()
        },
    )?;
    let mut random = Random::new(0);
    let (test, test_labels) = points(&mut random, 500)?;
    let before = accuracy(&model, &test, &test_labels)?;
    for _ in 0..200 {
        let (labeled, labels) = points(&mut random, 20)?;
        let (unlabeled, _) = points(&mut random, 60)?;
        let output = model.forward(&labeled, Mode::Train)?;
        let weak = model.forward(&unlabeled, Mode::Teacher)?;
        let jitter = random.normal_tensor(0., 0.3, unlabeled.shape(), DType::F32, &DEVICE)?;
        let strong = model.forward(&(&unlabeled + jitter)?, Mode::Train)?;
        let sets = decoupling.decouple(&softmax(&weak.logits, 1)?)?;
        let consistency = (positive_set_loss(&strong.logits, &sets)? * &sets.weight)?.mean_all()?;
        let mut loss = (cross_entropy(&output.logits, &labels)?.mean_all()? + consistency)?;
        for balance in [output.balance, strong.balance].into_iter().flatten() {
            loss = (loss + (balance * 0.01)?)?;
        }
        optimizer.backward_step(&loss)?;
    }
    println!(
        "accuracy {before:.3} -> {:.3}",
        accuracy(&model, &test, &test_labels)?
    );

    let file = std::env::temp_dir().join(format!("leaf-alone-{}.safetensors", std::process::id()));
    vars.save(&file)?;
    let mut loaded = VarMap::new();
    let again = Classifier::new(&loaded)?;
    loaded.load(&file)?;
    std::fs::remove_file(&file).map_err(candle_core::Error::wrap)?;
    let logits = |model: &Classifier| {
        model
            .forward(&test, Mode::Eval)?
            .logits
            .to_vec2::<f32>()
            .map_err(leaf_core::Error::from)
    };
    println!(
        "loaded weights give the same logits: {}",
        logits(&model)? == logits(&again)?
    );
    Ok(())
}
