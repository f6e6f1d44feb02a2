//! A small network, algorithm and data set for tests.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{HeadOutput, Linear, Mode, Parameters, Random, linear};
use leaf_ssl::{
    Algorithm, Batch, CONFIDENCE, Context, Labeled, Losses, Network, State, Stateful, Step,
    UTILIZATION, Unlabeled, Views,
};

use crate::Result;

const WIDTH: usize = 4;
const CLASSES: usize = 3;

/// A linear classifier of rows that keeps a running mean, as batch norm does.
#[derive(Debug)]
pub(crate) struct FakeNetwork {
    classifier: Linear,
    running_mean: Var,
}

impl FakeNetwork {
    pub(crate) fn new(seed: u64) -> Result<(Self, Parameters)> {
        let parameters = Parameters::new(seed);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let classifier = linear(WIDTH, CLASSES, vb.pp("classifier"))?;
        vb.pp("bn1").get(WIDTH, "running_mean")?;
        let running_mean = parameters.all()["bn1.running_mean"].clone();
        let network = Self {
            classifier,
            running_mean,
        };
        Ok((network, parameters))
    }
}

impl Network for FakeNetwork {
    fn encode(&self, images: &Tensor, mode: Mode) -> leaf_ssl::Result<Tensor> {
        if mode.is_train() {
            let old = self.running_mean.as_detached_tensor();
            let mixed = ((old * 0.9)? + (images.detach().mean(0)? * 0.1)?)?;
            self.running_mean.set(&mixed)?;
        }
        Ok(images.clone())
    }

    fn head(&self, features: &Tensor, mode: Mode) -> leaf_ssl::Result<HeadOutput> {
        Ok(HeadOutput {
            logits: self.classifier.forward(features, mode)?,
            features: features.clone(),
            aggregated: features.clone(),
            balance: None,
            routing: Vec::new(),
        })
    }

    fn num_classes(&self) -> usize {
        CLASSES
    }

    fn classifier_norm(&self) -> leaf_ssl::Result<Option<f64>> {
        Ok(Some(1.25))
    }
}

/// Cross-entropy on the labelled rows; what it says about unlabelled ones is made up.
#[derive(Debug)]
pub(crate) struct FakeAlgorithm {
    /// The share of selected faces in each step; the last one stays.
    pub(crate) utilization: Vec<f64>,
    /// The step (from 0) whose loss is not a number.
    pub(crate) poisoned: Option<usize>,
    /// How many losses were computed.
    pub(crate) losses: u32,
}

impl FakeAlgorithm {
    pub(crate) fn new() -> Self {
        Self {
            utilization: vec![0.5],
            poisoned: None,
            losses: 0,
        }
    }
}

impl Algorithm for FakeAlgorithm {
    fn name(&self) -> &str {
        "fake"
    }

    fn views(&self) -> Views {
        Views::WEAK_STRONG
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> leaf_ssl::Result<Losses> {
        let logits = context
            .student
            .forward(&batch.labeled.images, Mode::Train)?
            .logits;
        let mut total = candle_nn::loss::cross_entropy(&logits, &batch.labeled.labels)?;
        if self.poisoned == Some(step.index) {
            total = (total * f64::NAN)?;
        }
        let last = self.utilization.len() - 1;
        let utilization = self.utilization[step.index.min(last)];
        let constant = |value: f64| Tensor::new(value as f32, &Device::Cpu);
        self.losses += 1;
        Ok(Losses {
            terms: vec![("supervised", total.detach())],
            diagnostics: vec![
                (UTILIZATION.to_owned(), constant(utilization)?),
                (CONFIDENCE.to_owned(), constant(0.75)?),
                (
                    "expert usage, semantic".to_owned(),
                    Tensor::new(&[0.25f32, 0.75], &Device::Cpu)?,
                ),
            ],
            total,
            selection: None,
        })
    }
}

impl Stateful for FakeAlgorithm {
    fn state(&self) -> leaf_ssl::Result<State> {
        let losses = Tensor::new(self.losses, &Device::Cpu)?;
        Ok(State::from([("losses".to_owned(), losses)]))
    }

    fn load_state(&mut self, state: &State) -> leaf_ssl::Result<()> {
        self.losses = leaf_ssl::state_entry(state, "losses", &[])?.to_scalar()?;
        Ok(())
    }
}

/// Rows that stand for faces: the class shows as a 2 in its place, under noise.
pub(crate) fn faces(seed: u64, count: usize) -> Result<(Tensor, Tensor)> {
    let mut random = Random::new(seed).split("faces");
    let mut rows = Vec::new();
    let mut labels = Vec::new();
    for i in 0..count {
        let class = i % CLASSES;
        for place in 0..WIDTH {
            let noise = random.normal_pair().0 as f32;
            rows.push(noise + if place == class { 2. } else { 0. });
        }
        labels.push(class as u32);
    }
    Ok((
        Tensor::from_vec(rows, (count, WIDTH), &Device::Cpu)?,
        Tensor::from_vec(labels, count, &Device::Cpu)?,
    ))
}

/// An endless sequence of batches.
pub(crate) fn batches(seed: u64) -> impl Iterator<Item = Result<Batch>> {
    (0u64..).map(move |step| {
        let (images, labels) = faces(seed * 10_000 + step, 12)?;
        Ok(Batch {
            labeled: Labeled {
                images,
                labels,
                index: (0..12).collect(),
            },
            unlabeled: Unlabeled::default(),
        })
    })
}

/// Everything in a store as plain numbers.
pub(crate) fn values(parameters: &Parameters) -> Result<BTreeMap<String, Vec<f32>>> {
    let all = parameters.all().into_iter();
    all.map(|(name, var)| Ok((name, var.flatten_all()?.to_vec1()?)))
        .collect()
}
