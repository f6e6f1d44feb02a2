//! Whole runs of the trainer against PyTorch's: loss after loss, of the weights and of their average.
//!
//! `tests/golden/loss_curves.py` wrote the numbers.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use leaf_core::{HeadOutput, LeafConfig, Linear, Mode, Parameters, linear};
use leaf_ssl::{Batch, Labeled, Network, Supervised, Unlabeled};
use leaf_train::{
    AdamConfig, CosineSchedule, EvaluationReport, EvaluationSet, Learner, Observer,
    OptimizerConfig, SgdConfig, StepReport, TrainConfig, Trainer, WeightDecay,
};
use serde::Deserialize;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
struct Golden {
    warmup_steps: usize,
    ema_decay: f64,
    start: BTreeMap<String, serde_json::Value>,
    /// Batches of points, and their classes.
    points: Vec<Vec<Vec<f32>>>,
    labels: Vec<Vec<u32>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    learning_rate: f64,
    weight_decay: f64,
    #[serde(default)]
    nesterov: bool,
    /// The loss of each step.
    losses: Vec<f64>,
    /// The average's loss on all points after each step.
    averaged: Vec<f64>,
    /// The last weights.
    weights: BTreeMap<String, Vec<f64>>,
}

/// One hidden layer.
struct Small {
    hidden: Linear,
    classifier: Linear,
}

impl Network for Small {
    fn encode(&self, points: &Tensor, mode: Mode) -> leaf_ssl::Result<Tensor> {
        Ok(self.hidden.forward(points, mode)?.relu()?)
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
        self.classifier.bias().elem_count()
    }
}

impl Golden {
    /// The network with PyTorch's first weights, under its names.
    fn learner(&self) -> Outcome<Learner<Small>> {
        let width = |name: &str| self.start[name].as_array().map_or(0, Vec::len);
        let (hidden, classes) = (width("0.bias"), width("2.bias"));
        let inputs = self.points[0][0].len();
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let network = Small {
            hidden: linear(inputs, hidden, vb.pp("0"))?,
            classifier: linear(hidden, classes, vb.pp("2"))?,
        };
        for (name, var) in parameters.all() {
            let values = numbers(&self.start[&name]);
            let value = Tensor::from_vec(values, var.shape(), &Device::Cpu)?;
            var.set(&value)?;
        }
        Ok(Learner {
            network,
            parameters,
        })
    }

    fn batch(&self, step: usize) -> Outcome<Batch> {
        let batch = step % self.points.len();
        Ok(Batch {
            labeled: Labeled {
                images: Tensor::new(self.points[batch].clone(), &Device::Cpu)?,
                labels: Tensor::new(self.labels[batch].as_slice(), &Device::Cpu)?,
                index: Vec::new(),
            },
            unlabeled: Unlabeled::default(),
        })
    }

    fn all_points(&self) -> Outcome<EvaluationSet<'static>> {
        let points = Tensor::new(self.points.concat(), &Device::Cpu)?;
        let labels = Tensor::new(self.labels.concat(), &Device::Cpu)?;
        Ok(EvaluationSet::new("all points", vec![(points, labels)]))
    }

    fn check(&self, case: &Case) -> Outcome {
        let config = TrainConfig {
            steps: case.losses.len(),
            learning_rate: case.learning_rate,
            ema_decay: Some(self.ema_decay),
            eval_every: 1,
            ..TrainConfig::default()
        };
        let schedule = CosineSchedule {
            warmup_steps: self.warmup_steps,
        };
        let student = self.learner()?;
        let optimizer = case.optimizer()?.build(&student.parameters.trainable())?;
        let algorithm = Supervised::new(&LeafConfig::off());
        let mut trainer = Trainer::new(config, student, algorithm, optimizer)?
            .with_schedule(schedule)?
            .with_average(self.learner()?)?;
        let mut curves = Curves::default();
        let batches = (0..).map(|step| self.batch(step).map_err(|error| error.to_string()));
        trainer.run(batches, &[self.all_points()?], &mut [&mut curves])?;
        case.near("loss", &curves.losses, &case.losses);
        case.near("the average's loss", &curves.averaged, &case.averaged);
        for (name, wanted) in &case.weights {
            let weights = trainer.student().parameters.all()[name].flatten_all()?;
            let weights = weights.to_dtype(DType::F64)?.to_vec1()?;
            case.near(name, &weights, wanted);
        }
        Ok(())
    }
}

impl Case {
    fn optimizer(&self) -> Outcome<OptimizerConfig> {
        let l2 = WeightDecay::L2(self.weight_decay);
        let adam = |weight_decay| {
            OptimizerConfig::Adam(AdamConfig {
                weight_decay,
                ..AdamConfig::default()
            })
        };
        Ok(match self.name.split(' ').next() {
            Some("Adam") => adam(l2),
            Some("AdamW") => adam(WeightDecay::Decoupled(self.weight_decay)),
            Some("SGD") => OptimizerConfig::Sgd(SgdConfig {
                momentum: 0.9,
                nesterov: self.nesterov,
                weight_decay: l2,
                ..SgdConfig::default()
            }),
            _ => return Err(format!("no optimizer is called {:?}", self.name).into()),
        })
    }

    fn near(&self, what: &str, found: &[f64], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len(), "{}: {what}", self.name);
        for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            let near = (found - wanted).abs() <= 1e-5;
            let name = &self.name;
            assert!(near, "{name}: {what} {i} is {found}, expected {wanted}");
        }
    }
}

/// What each step and each evaluation finds.
#[derive(Default)]
struct Curves {
    losses: Vec<f64>,
    averaged: Vec<f64>,
}

impl Observer for Curves {
    fn on_step(&mut self, report: &StepReport) -> leaf_train::Result<()> {
        self.losses.push(report.loss);
        Ok(())
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> leaf_train::Result<()> {
        self.averaged.push(report.sets[0].metrics.loss);
        Ok(())
    }
}

/// The numbers of nested lists.
fn numbers(value: &serde_json::Value) -> Vec<f32> {
    match value.as_array() {
        Some(values) => values.iter().flat_map(numbers).collect(),
        None => value
            .as_f64()
            .map(|number| number as f32)
            .into_iter()
            .collect(),
    }
}

#[test]
fn loss_curves_are_pytorchs() -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/loss_curves/curves.json");
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    assert_eq!(golden.cases.len(), 4);
    for case in &golden.cases {
        assert_eq!(case.losses.len(), 50, "{}", case.name);
        golden.check(case)?;
    }
    Ok(())
}
