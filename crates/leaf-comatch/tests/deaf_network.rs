//! A network of one's own need not heed `Mode::Teacher`: pseudo-labels have no gradient all the same.

use std::collections::BTreeMap;

use candle_core::Tensor;
use leaf_comatch::{CoMatchConfig, SimMatchConfig};
use leaf_core::{ForwardPlan, HeadOutput, LeafConfig, Mode};
use leaf_ssl::{Algorithm, Context, Model, Network, Result, Step};
use leaf_testkit::entries;
use leaf_trial::{CLASSES, Dense, STEPS, Trial, batch, task};

const STEPS_PER_EPOCH: usize = 3;

/// Answers every pass as if it were for training.
struct Deaf<'a>(&'a Model<Dense>);

impl Network for Deaf<'_> {
    fn encode(&self, images: &Tensor, _mode: Mode) -> Result<Tensor> {
        self.0.encode(images, Mode::Train)
    }

    fn head(&self, features: &Tensor, _mode: Mode) -> Result<HeadOutput> {
        self.0.head(features, Mode::Train)
    }

    fn project(&self, aggregated: &Tensor, _mode: Mode) -> Result<Tensor> {
        self.0.project(aggregated, Mode::Train)
    }

    fn num_classes(&self) -> usize {
        CLASSES
    }
}

/// Every parameter's gradient in the last of some steps, in which no weight changes.
fn gradients(
    mut algorithm: Box<dyn Algorithm>,
    trial: &Trial,
    network: &dyn Network,
) -> Result<BTreeMap<String, Vec<f64>>> {
    let mut gradients = BTreeMap::new();
    for index in 0..STEPS {
        let batch = batch(index, algorithm.views())?;
        let step = Step::new(index, STEPS).with_epochs_of(STEPS_PER_EPOCH);
        let losses = algorithm.loss(&Context::new(network), &batch, step)?;
        let grads = losses.total.backward()?;
        for (name, var) in trial.parameters.trainable() {
            let grad = grads.get(&var).expect("a gradient");
            gradients.insert(name, entries(grad)?);
        }
    }
    Ok(gradients)
}

#[test]
fn pseudo_labels_have_no_gradient_whatever_the_network_does() -> Result<()> {
    for forward in [ForwardPlan::Concatenated, ForwardPlan::Separate] {
        let leaf = LeafConfig {
            forward,
            ..LeafConfig::off()
        };
        let comatch = || -> Result<Box<dyn Algorithm>> {
            let config = CoMatchConfig {
                threshold: 0.17,
                graph_threshold: 0.16,
                smoothing: 0.5,
                queue_batches: 3,
                projection: 8,
                alignment: None,
                ..CoMatchConfig::default()
            };
            Ok(Box::new(config.with_leaf(leaf.clone()).build(&task())?))
        };
        let simmatch = || -> Result<Box<dyn Algorithm>> {
            let config = SimMatchConfig {
                threshold: 0.17,
                smoothing: 0.5,
                projection: 8,
                alignment: None,
                ..SimMatchConfig::default()
            };
            Ok(Box::new(config.with_leaf(leaf.clone()).build(&task())?))
        };
        let builds: [&dyn Fn() -> Result<Box<dyn Algorithm>>; 2] = [&comatch, &simmatch];
        for build in builds {
            let trial = Trial::new(&leaf, &build()?)?;
            let heeds = gradients(build()?, &trial, &trial.student)?;
            let deaf = gradients(build()?, &trial, &Deaf(&trial.student))?;
            for (name, heeds) in &heeds {
                for (a, b) in heeds.iter().zip(&deaf[name]) {
                    assert!((a - b).abs() < 1e-7, "{forward:?}: {name}: {a} {b}");
                }
            }
        }
    }
    Ok(())
}
