//! LEAF in FixMatch: off changes nothing, on reaches every parameter.

use candle_core::{DType, Device, Tensor};
use leaf_core::{
    Encoder, LeafConfig, Linear, Mode, NoiseSource, Parameters, Random, leaf_head, linear,
};
use leaf_fixmatch::{BoxedLoss, FixMatch, FixMatchConfig};
use leaf_ssl::{
    Algorithm, Batch, Context, FixedThreshold, HardCrossEntropy, HardLabels, Labeled, Model,
    Result, Step, Unlabeled, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;

const CLASSES: usize = 7;

struct Dense(Linear);

impl Encoder for Dense {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        Ok(self.0.forward(&mode.view(xs), mode)?.relu()?)
    }

    fn feature_dim(&self) -> usize {
        16
    }
}

fn network(parameters: &Parameters, leaf: &LeafConfig) -> Result<Model<Dense>> {
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let noise = NoiseSource::new(Random::new(7));
    Ok(Model {
        encoder: Dense(linear(6, 16, vb.pp("encoder"))?),
        head: leaf_head(leaf, 16, CLASSES, vb.pp("head"), &noise)?,
    })
}

fn batch(step: u64) -> Result<Batch> {
    let mut random = Random::new(3).split_index(step);
    let mut faces = |rows: usize| -> Result<Tensor> {
        Ok(random.normal_tensor(0., 1., (rows, 6), DType::F32, &Device::Cpu)?)
    };
    Ok(Batch {
        labeled: Labeled {
            images: faces(14)?,
            labels: Tensor::new((0..14u32).map(|i| i % 7).collect::<Vec<_>>(), &Device::Cpu)?,
            index: (0..14).collect(),
        },
        unlabeled: Unlabeled {
            weak: vec![faces(60)?, faces(60)?],
            strong: vec![faces(60)?],
            index: (0..60).collect(),
            hidden_labels: None,
        },
    })
}

/// Ten steps of plain gradient descent; all weights and losses, bit by bit.
fn train(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<f64>> {
    let parameters = Parameters::new(0);
    let network = network(&parameters, leaf)?;
    let networks = Context {
        student: &network,
        average: None,
    };
    let mut trace = Vec::new();
    for index in 0..10 {
        let step = Step { index, total: 10 };
        let losses = algorithm.loss(&networks, &batch(index as u64)?, step)?;
        let grads = losses.total.backward()?;
        for var in parameters.trainable().values() {
            if let Some(grad) = grads.get(var) {
                var.set(&(var.as_tensor() - (grad * 0.1)?)?)?;
            }
        }
        trace.extend(entries(&losses.total)?);
    }
    for var in parameters.all().values() {
        trace.extend(entries(var)?);
    }
    Ok(trace)
}

fn low_threshold() -> FixMatchConfig {
    FixMatchConfig {
        threshold: 0.2,
        ..Default::default()
    }
}

#[test]
fn leaf_switched_off_equals_plain_fixmatch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: FixMatch = WeakStrong::new(
        "FixMatch",
        HardLabels::new(None, CLASSES)?,
        FixedThreshold::new(0.2)?,
        HardCrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = train(plain, &off)?;
    let with_off: FixMatch<BoxedLoss> = low_threshold().with_leaf(off.clone()).build(CLASSES)?;
    assert_eq!(plain, train(with_off, &off)?);
    let robust = LeafConfig::robust();
    let with_robust = low_threshold().with_leaf(robust.clone()).build(CLASSES)?;
    assert_ne!(plain, train(with_robust, &robust)?);
    Ok(())
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    for (name, leaf) in [
        ("plain", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ] {
        let parameters = Parameters::new(0);
        let network = network(&parameters, &leaf)?;
        let networks = Context {
            student: &network,
            average: None,
        };
        let mut algorithm = low_threshold().with_leaf(leaf).build(CLASSES)?;
        let step = Step {
            index: 9,
            total: 10,
        };
        let losses = algorithm.loss(&networks, &batch(0)?, step)?;
        let grads = losses.total.backward()?;
        for (path, var) in parameters.trainable() {
            let grad = grads
                .get(&var)
                .map(|grad| entries(&grad.abs()?))
                .transpose()?;
            let largest = grad.into_iter().flatten().fold(0f64, f64::max);
            if name == "released" && path.contains(".gate.") {
                // Its one weight is the constant 1 and its balance is dropped: the gate is dead.
                assert_eq!(largest, 0., "{name}: {path}");
            } else if name == "robust" && path.contains(".fc1.") {
                // At step 0 the last layer is 0 and lets nothing through to the first.
                assert_eq!(largest, 0., "{name}: {path}");
            } else {
                assert!(largest > 0., "{name}: {path}");
            }
        }
    }
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: FixMatchConfig, classes: usize| {
        let error = config.build(classes).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = FixMatchConfig {
        threshold: 1.5,
        ..Default::default()
    };
    assert_eq!(build(threshold, 7), "threshold = 1.5, expected 0 to 1");
    let lambda = FixMatchConfig {
        lambda_u: f64::NAN,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = NaN, expected 0 or more");
    assert_eq!(
        build(FixMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
