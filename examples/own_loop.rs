//! LEAF in one's own candle model and one's own training loop: `leaf-core` and nothing else of ours.
//!
//! The data are synthetic "encoder features": a few numbers tell the expression, more of them, and
//! stronger ones, tell whose face it is. Four faces a class have labels, two thousand have none. The
//! loop trains the same small model twice, on the labelled faces alone and with LEAF's category level
//! on the others, and prints both accuracies on faces of people that it never saw.
//!
//! ```text
//! cargo run --release --example own_loop
//! ```

use candle_core::{DType, Device, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarBuilder};
use clap::Parser;
use leaf_core::{
    CategoryDecoupling, DecouplingConfig, LeafConfig, LeafHead, Mode, NoiseSource, Parameters,
    Random, Result, cross_entropy, leaf_head, positive_set_loss,
};

const CLASSES: usize = 7;
const FEATURES: usize = 32;
const HIDDEN: usize = 64;
const LABELS_PER_CLASS: usize = 4;
const UNLABELED: usize = 2000;
const BATCH: usize = 64;
/// FixMatch's confidence from which a pseudo-label counts.
const THRESHOLD: f64 = 0.95;

/// Trains a small model on synthetic features, with labels alone and with LEAF.
#[derive(Parser)]
struct Arguments {
    /// How many training steps each of the two runs has.
    #[arg(long, default_value_t = 400)]
    steps: usize,
    /// What decides features, initial weights and noise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How far people differ: with 0.6 the classes are apart, with 0.8 they overlap and unlabelled
    /// faces can do harm.
    #[arg(long, default_value_t = 0.6)]
    spread: f64,
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let data = Data::new(
        &mut Random::new(arguments.seed).split("data"),
        arguments.spread,
    )?;
    println!(
        "{} labelled and {UNLABELED} unlabelled synthetic faces of {CLASSES} classes",
        CLASSES * LABELS_PER_CLASS
    );
    let supervised = train(&data, &arguments, false)?;
    let with_leaf = train(&data, &arguments, true)?;
    println!("accuracy on unseen people, labels alone: {supervised:.3}");
    println!("accuracy on unseen people, with LEAF:    {with_leaf:.3}");
    Ok(())
}

/// Your model: any candle layers, then LEAF's head.
struct Model {
    hidden: candle_nn::Linear,
    head: LeafHead,
}

impl Model {
    fn new(vb: VarBuilder, noise: &NoiseSource) -> Result<Self> {
        Ok(Self {
            hidden: candle_nn::linear(FEATURES, HIDDEN, vb.pp("hidden"))?,
            head: leaf_head(&LeafConfig::robust(), HIDDEN, CLASSES, vb.pp("head"), noise)?,
        })
    }

    /// Logits `(N, C)` and the mixtures' balance loss.
    fn forward(&self, xs: &Tensor, mode: Mode) -> Result<(Tensor, Option<Tensor>)> {
        use candle_nn::Module;
        let features = self.hidden.forward(xs)?.relu()?;
        let output = self.head.forward(&features, mode)?;
        Ok((output.logits, output.balance))
    }
}

/// Your loop: candle's optimizer, LEAF's losses.
fn train(data: &Data, arguments: &Arguments, with_leaf: bool) -> Result<f64> {
    let random = Random::new(arguments.seed);
    let parameters = Parameters::new(arguments.seed);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let model = Model::new(vb, &NoiseSource::new(random.split("noise")))?;
    // A teacher that is softened has larger sets.
    let softened = DecouplingConfig {
        teacher_temperature: 2.,
        ..DecouplingConfig::default()
    };
    let decoupling = CategoryDecoupling::new(softened, CLASSES)?;
    let vars = parameters.trainable().into_values().collect();
    let mut optimizer = AdamW::new(
        vars,
        ParamsAdamW {
            lr: 2e-3,
            ..Default::default()
        },
    )?;
    let mut views = random.split("views");
    for step in 0..arguments.steps {
        let (logits, balance) =
            model.forward(&weak_view(&data.labeled.0, &mut views)?, Mode::Train)?;
        let mut loss = cross_entropy(&logits, &data.labeled.1)?.mean_all()?;
        if let Some(balance) = balance {
            loss = (loss + (balance * LeafConfig::robust().balance_weight)?)?;
        }
        if with_leaf {
            let ramp = (step as f64 / (0.3 * arguments.steps as f64)).min(1.);
            let faces = batch(&data.unlabeled, &mut views)?;
            loss = (loss + unlabeled_loss(&model, &decoupling, &faces, ramp, &mut views)?)?;
        }
        optimizer.backward_step(&loss)?;
    }
    accuracy(&model, &data.test)
}

/// FixMatch's cross-entropy on the faces that it accepts, LEAF's set loss on those that it rejects.
fn unlabeled_loss(
    model: &Model,
    decoupling: &CategoryDecoupling,
    faces: &Tensor,
    ramp: f64,
    views: &mut Random,
) -> Result<Tensor> {
    let (weak, _) = model.forward(&weak_view(faces, views)?, Mode::Teacher)?;
    let (strong, _) = model.forward(&strong_view(faces, views)?, Mode::Train)?;
    let probs = candle_nn::ops::softmax(&weak.detach(), 1)?;
    let accepted = probs.max(1)?.ge(THRESHOLD)?.to_dtype(DType::F32)?;
    let host = (cross_entropy(&strong, &probs.argmax(1)?)? * &accepted)?;
    let sets = decoupling.decouple(&probs)?;
    let rejected = (positive_set_loss(&strong, &sets)? * &sets.weight)?;
    let rejected = (rejected * (1. - accepted)?)?;
    Ok((host + (rejected * ramp)?)?.mean_all()?)
}

fn accuracy(model: &Model, (faces, labels): &(Tensor, Tensor)) -> Result<f64> {
    let (logits, _) = model.forward(faces, Mode::Eval)?;
    let right = logits.argmax(1)?.eq(labels)?.to_dtype(DType::F64)?;
    Ok(right.mean_all()?.to_scalar()?)
}

/// Synthetic features with their classes.
struct Data {
    labeled: (Tensor, Tensor),
    unlabeled: Tensor,
    test: (Tensor, Tensor),
}

impl Data {
    fn new(random: &mut Random, spread: f64) -> Result<Self> {
        let device = &Device::Cpu;
        // A class lies at a point of its own; a person moves it along directions of their own.
        let centers = random.normal_tensor(0., 1., (CLASSES, FEATURES), DType::F32, device)?;
        let identity = random.normal_tensor(0., 1., (6, FEATURES), DType::F32, device)?;
        let mut faces = |count: usize| -> Result<(Tensor, Tensor)> {
            let labels: Vec<u32> = (0..count).map(|i| (i % CLASSES) as u32).collect();
            let labels = Tensor::from_vec(labels, count, device)?;
            let person = random.normal_tensor(0., spread, (count, 6), DType::F32, device)?;
            let rest = random.normal_tensor(0., 0.35, (count, FEATURES), DType::F32, device)?;
            let faces = (centers.index_select(&labels, 0)? + person.matmul(&identity)?)?;
            Ok(((faces + rest)?, labels))
        };
        Ok(Self {
            labeled: faces(CLASSES * LABELS_PER_CLASS)?,
            unlabeled: faces(UNLABELED)?.0,
            test: faces(2000)?,
        })
    }
}

fn batch(faces: &Tensor, random: &mut Random) -> Result<Tensor> {
    let chosen: Vec<u32> = (0..BATCH).map(|_| random.below(UNLABELED) as u32).collect();
    Ok(faces.index_select(&Tensor::from_vec(chosen, BATCH, faces.device())?, 0)?)
}

/// A little noise.
fn weak_view(faces: &Tensor, random: &mut Random) -> Result<Tensor> {
    let noise = random.normal_tensor(0., 0.1, faces.dims(), DType::F32, faces.device())?;
    Ok((faces + noise)?)
}

/// Much noise, and a quarter of the features missing.
fn strong_view(faces: &Tensor, random: &mut Random) -> Result<Tensor> {
    let noise = random.normal_tensor(0., 0.5, faces.dims(), DType::F32, faces.device())?;
    let kept = random.uniform_tensor(0., 1., faces.dims(), DType::F32, faces.device())?;
    Ok(((faces + noise)? * kept.ge(0.25)?.to_dtype(DType::F32)?)?)
}
