//! Every trainable parameter of every backbone, under every preset, gets a gradient in one step.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use candle_core::{DType, Device, Tensor};
use leaf_core::{LeafConfig, NoiseSource, Parameters, Random, leaf_head};
use leaf_fixmatch::FixMatchConfig;
use leaf_ssl::{Algorithm, Batch, Context, Labeled, Model, Step, Task, Unlabeled};
use leaf_vision::{ResNetConfig, resnet};

const CLASSES: usize = 7;
const SIZE: usize = 32;

fn batch(channels: usize) -> leaf_core::Result<Batch> {
    let mut random = Random::new(1);
    let mut faces = |rows: usize| {
        let shape = (rows, channels, SIZE, SIZE);
        random.normal_tensor(0., 1., shape, DType::F32, &Device::Cpu)
    };
    Ok(Batch {
        labeled: Labeled {
            images: faces(7)?,
            labels: Tensor::arange(0u32, 7, &Device::Cpu)?,
            index: (0..7).collect(),
        },
        unlabeled: Unlabeled {
            weak: vec![faces(8)?, faces(8)?],
            strong: vec![faces(8)?],
            index: (0..8).collect(),
            ..Unlabeled::default()
        },
    })
}

/// The largest magnitude of each trainable parameter's gradient in one step from a seed's weights.
///
/// # Errors
/// When a parameter gets no gradient at all.
fn one_step(
    backbone: &ResNetConfig,
    leaf: &LeafConfig,
    seed: u64,
) -> Result<BTreeMap<String, f32>, Box<dyn Error>> {
    let parameters = Parameters::new(seed);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let noise = NoiseSource::new(Random::new(0));
    let width = backbone.feature_dim();
    let network = Model::new(
        resnet(backbone, vb.pp("encoder"))?,
        leaf_head(leaf, width, CLASSES, vb.pp("head"), &noise)?,
    );
    // Of all untrained predictions about half pass this threshold: both kinds of faces occur.
    let config = FixMatchConfig {
        threshold: 0.2,
        ..Default::default()
    };
    let mut algorithm = config.with_leaf(leaf.clone()).build(&Task::new(CLASSES))?;
    let losses = algorithm.loss(
        &Context::new(&network),
        &batch(backbone.in_channels)?,
        Step::new(9, 10),
    )?;
    let grads = losses.total.backward()?;
    let gradients = parameters.trainable().into_iter().map(|(name, var)| {
        let grad = grads
            .get(&var)
            .ok_or_else(|| format!("{name} gets no gradient"))?;
        let largest = grad.abs()?.flatten_all()?.max(0)?.to_scalar()?;
        Ok((name, largest))
    });
    gradients.collect()
}

/// The parameters whose gradient is 0 whatever the initial weights: an expert that no row chose, or
/// whose hidden units all sleep, wakes up with another seed.
fn dead(backbone: &ResNetConfig, leaf: &LeafConfig) -> Result<BTreeSet<String>, Box<dyn Error>> {
    let mut dead: Option<BTreeSet<String>> = None;
    for seed in 0..6 {
        let gradients = one_step(backbone, leaf, seed)?.into_iter();
        let mut zero = BTreeSet::new();
        for (name, largest) in gradients {
            assert!(largest.is_finite(), "{name} has the gradient {largest}");
            if largest == 0. {
                zero.insert(name);
            }
        }
        let still = match dead {
            Some(before) => before.intersection(&zero).cloned().collect(),
            None => zero,
        };
        if still.is_empty() {
            return Ok(still);
        }
        dead = Some(still);
    }
    Ok(dead.unwrap_or_default())
}

fn check(backbone: ResNetConfig) -> Result<(), Box<dyn Error>> {
    for (preset, leaf) in [
        ("plain", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ] {
        for name in dead(&backbone, &leaf)? {
            // The released gate's one weight is the constant 1 and its balance is dropped: it is dead in
            // the authors' code too. Experts that start as the identity let nothing through to their
            // first layer at step 0; the gradient is there and is 0.
            let is_released_gate = preset == "released" && name.contains(".gate.");
            let is_behind_zero = preset == "robust" && name.contains(".fc1.");
            assert!(
                is_released_gate || is_behind_zero,
                "{preset}: {name} has the gradient 0"
            );
        }
    }
    released_gate_is_dead(&backbone)
}

fn released_gate_is_dead(backbone: &ResNetConfig) -> Result<(), Box<dyn Error>> {
    let gradients = one_step(backbone, &LeafConfig::released(), 0)?;
    let mut gates = gradients.iter().filter(|(name, _)| name.contains(".gate."));
    assert!(gates.all(|(_, largest)| *largest == 0.));
    Ok(())
}

#[test]
fn narrow_gray() -> Result<(), Box<dyn Error>> {
    check(ResNetConfig::narrow().with_in_channels(1))
}

#[test]
fn narrow_color() -> Result<(), Box<dyn Error>> {
    check(ResNetConfig::narrow())
}

#[test]
fn resnet18() -> Result<(), Box<dyn Error>> {
    check(ResNetConfig::resnet18())
}

#[test]
fn resnet34() -> Result<(), Box<dyn Error>> {
    check(ResNetConfig::resnet34())
}
