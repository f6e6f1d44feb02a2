//! The step in one pass equals its twin of tensors.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Init;
use leaf_core::{Parameters, Random};
use leaf_ssl::State;
use proptest::prelude::*;

use super::*;

const STEPS: usize = 4;
const MOMENTUM: f64 = 0.9;

/// A student or an average: weights of one to three dimensions, statistics and a counter.
fn network(seed: u64, dtype: DType, (rows, columns): (usize, usize)) -> Result<Parameters> {
    let parameters = Parameters::new(seed);
    let vb = parameters.builder(dtype, &Device::Cpu);
    let init = Init::Randn {
        mean: 0.,
        stdev: 1.,
    };
    vb.get_with_hints((rows, columns), "weight", init)?;
    vb.get_with_hints((rows, 1, columns), "kernel", init)?;
    vb.get_with_hints(columns, "bias", init)?;
    vb.get_with_hints(columns, "running_mean", init)?;
    vb.to_dtype(DType::I64)
        .get_with_hints(1, "num_batches_tracked", Init::Const(seed as f64))?;
    Ok(parameters)
}

/// Gradients of a step; some are missing if that is allowed, and the weight's may be a transposed view.
fn draw(
    random: &mut Random,
    parameters: &BTreeMap<String, Var>,
    missing: bool,
) -> Result<Gradients> {
    let mut gradients = Vec::new();
    for (name, var) in parameters {
        if missing && random.uniform() < 0.4 {
            continue;
        }
        let mut shape = var.dims().to_vec();
        let transposed = name == "weight" && random.uniform() < 0.3;
        if transposed {
            shape.reverse();
        }
        let mut gradient = random.normal_tensor(0., 1., shape, var.dtype(), var.device())?;
        if transposed {
            gradient = gradient.t()?;
        }
        gradients.push((name.clone(), gradient));
    }
    Ok(gradients.into_iter().collect())
}

fn values(tensors: impl IntoIterator<Item = (String, Tensor)>) -> Result<Vec<(String, Vec<f64>)>> {
    let tensors = tensors.into_iter();
    let values = tensors.map(|(name, tensor)| {
        let tensor = tensor.flatten_all()?.to_dtype(DType::F64)?;
        Ok((name, tensor.to_vec1()?))
    });
    values.collect()
}

fn weights(parameters: &Parameters) -> Result<Vec<(String, Vec<f64>)>> {
    let vars = parameters.all().into_iter();
    values(vars.map(|(name, var)| (name, var.as_detached_tensor())))
}

/// Everything that a run of a few steps leaves: student, average, state.
type Outcome = [Vec<(String, Vec<f64>)>; 3];

#[derive(Clone, Copy, Debug)]
struct Run {
    seed: u64,
    config: OptimizerConfig,
    shape: (usize, usize),
    dtype: DType,
    average_dtype: DType,
    missing: bool,
}

impl Run {
    fn outcome(self, plain: bool) -> Result<Outcome> {
        let student = network(self.seed, self.dtype, self.shape)?;
        let average = network(self.seed ^ 1, self.average_dtype, self.shape)?;
        let trained = student.trainable();
        let mut optimizer = self.optimizer(&trained, plain)?;
        let tracker = WeightAverage::new(0.97, &student, &average)?;
        let plain_tracker = tracker.clone().plain();
        let mut random = Random::new(self.seed).split("gradients");
        for step in 0..STEPS {
            let gradients = draw(&mut random, &trained, self.missing)?;
            let learning_rate = 0.1 / (1. + step as f64);
            if plain {
                optimizer.step(&gradients, learning_rate)?;
                plain_tracker.update()?;
            } else {
                optimizer.step_with_average(&gradients, learning_rate, &tracker)?;
            }
        }
        let state: State = optimizer.state()?;
        Ok([weights(&student)?, weights(&average)?, values(state)?])
    }

    fn optimizer(self, trained: &BTreeMap<String, Var>, plain: bool) -> Result<Box<dyn Optimizer>> {
        match self.config {
            config if !plain => config.build(trained),
            OptimizerConfig::Sgd(config) => Ok(Box::new(Sgd::new(trained, config)?.plain())),
            OptimizerConfig::Adam(config) => Ok(Box::new(Adam::new(trained, config)?.plain())),
        }
    }
}

/// The same numbers; but the features' libraries may round a root otherwise than the processor does.
fn same(ours: &Outcome, twins: &Outcome, epsilon: f64) -> bool {
    let near = |a: f64, b: f64| match cfg!(any(feature = "mkl", feature = "accelerate")) {
        true => (a - b).abs() <= 8. * epsilon * a.abs().max(1.),
        false => a == b,
    };
    let pairs = ours.iter().flatten().zip(twins.iter().flatten());
    pairs.into_iter().all(|(ours, twins)| {
        let mut entries = ours.1.iter().zip(&twins.1);
        ours.0 == twins.0 && entries.all(|(a, b)| near(*a, *b))
    })
}

fn optimizers() -> impl Strategy<Value = OptimizerConfig> {
    let decay = prop_oneof![
        Just(WeightDecay::NONE),
        Just(WeightDecay::L2(0.3)),
        Just(WeightDecay::Decoupled(0.3)),
    ];
    let momentum = prop_oneof![
        Just((0., false)),
        Just((MOMENTUM, false)),
        Just((MOMENTUM, true))
    ];
    (any::<bool>(), momentum, decay, any::<bool>()).prop_map(
        |(adam, (momentum, nesterov), weight_decay, decay_all)| match adam {
            true => OptimizerConfig::Adam(AdamConfig {
                weight_decay,
                decay_all,
                allow_missing_gradients: true,
                ..AdamConfig::default()
            }),
            false => OptimizerConfig::Sgd(SgdConfig {
                momentum,
                nesterov,
                weight_decay,
                decay_all,
                allow_missing_gradients: true,
            }),
        },
    )
}

proptest! {
    #[test]
    fn equals_the_plain_twin(
        seed: u64,
        config in optimizers(),
        shape in (1usize..9, 1usize..40),
        double: bool,
        mixed: bool,
        missing: bool,
    ) {
        let (dtype, epsilon) = match double {
            true => (DType::F64, f64::EPSILON),
            false => (DType::F32, f64::from(f32::EPSILON)),
        };
        // An average of another type cannot be in the pass.
        let average_dtype = if mixed { DType::F64 } else { dtype };
        let run = Run { seed, config, shape, dtype, average_dtype, missing };
        let (ours, twins) = (run.outcome(false)?, run.outcome(true)?);
        prop_assert!(same(&ours, &twins, epsilon), "{:?}\n{:?}", ours, twins);
    }
}

/// More entries than a task has.
#[test]
fn large_tensors_equal_the_plain_twin() -> Result<()> {
    for config in [
        OptimizerConfig::Adam(AdamConfig::adamw()),
        OptimizerConfig::default(),
    ] {
        let run = Run {
            seed: 3,
            config,
            shape: (301, 333),
            dtype: DType::F32,
            average_dtype: DType::F32,
            missing: false,
        };
        let (ours, twins) = (run.outcome(false)?, run.outcome(true)?);
        assert!(same(&ours, &twins, f64::from(f32::EPSILON)));
    }
    Ok(())
}

/// The moments keep their place: the fast path was taken, and nothing was made anew.
#[test]
fn steps_are_in_place() -> Result<()> {
    let student = network(0, DType::F32, (3, 5))?.trainable();
    let gradients = draw(&mut Random::new(1), &student, false)?;
    let sum = |moment: &Tensor| moment.abs()?.sum_all()?.to_scalar::<f32>();
    let mut sgd = Sgd::new(&student, SgdConfig::default())?;
    let velocity = sgd.velocity[0].clone();
    sgd.step(&gradients, 0.1)?;
    assert!(sum(&velocity)? > 0.);
    let mut adam = Adam::new(&student, AdamConfig::default())?;
    let first = adam.first[0].clone();
    adam.step(&gradients, 0.1)?;
    assert!(sum(&first)? > 0.);
    Ok(())
}

#[test]
fn an_average_is_taken_after_the_last_step_of_its_variable() -> Result<()> {
    let (student, average) = (Parameters::new(0), Parameters::new(1));
    for parameters in [&student, &average] {
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        vb.get_with_hints(2, "weight", Init::Const(1.))?;
    }
    let weight = student.all()["weight"].clone();
    let twice = BTreeMap::from([("a".to_owned(), weight.clone()), ("b".to_owned(), weight)]);
    let mut optimizer = Sgd::new(&twice, SgdConfig::default())?;
    let one = Tensor::ones(2, DType::F32, &Device::Cpu)?;
    let gradients: Gradients = twice
        .keys()
        .map(|name| (name.clone(), one.clone()))
        .collect();
    let tracker = WeightAverage::new(0., &student, &average)?;
    optimizer.step_with_average(&gradients, 0.1, &tracker)?;
    assert_eq!(weights(&student)?, weights(&average)?);
    assert!(weights(&student)?[0].1[0] < 0.7, "both steps were taken");
    Ok(())
}

#[test]
fn the_callers_gradients_stay_as_they_are() -> Result<()> {
    let weight = Var::zeros((2, 2), DType::F32, &Device::Cpu)?;
    let config = SgdConfig {
        momentum: 0.,
        nesterov: false,
        ..SgdConfig::default()
    };
    let gradient = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
    let trained = BTreeMap::from([("weight".to_owned(), weight)]);
    let mut optimizer = Sgd::new(&trained, config)?.plain();
    let of = |gradient: &Tensor| Gradients::from_iter([("weight".to_owned(), gradient.clone())]);
    optimizer.step(&of(&gradient), 0.1)?;
    optimizer.plain = false;
    optimizer.step(&of(&gradient.affine(2., 0.)?), 0.1)?;
    assert_eq!(gradient.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
    Ok(())
}

/// An optimizer of a user's that knows no averages.
#[derive(Debug)]
struct Negate(Vec<(String, Var)>);

impl Optimizer for Negate {
    fn name(&self) -> &'static str {
        "negate"
    }

    fn parameters(&self) -> &[(String, Var)] {
        &self.0
    }

    fn step(&mut self, _: &Gradients, _: f64) -> Result<()> {
        for (_, var) in &self.0 {
            var.set(&var.as_detached_tensor().neg()?)?;
        }
        Ok(())
    }

    fn state(&self) -> Result<State> {
        Ok(State::new())
    }

    fn load_state(&mut self, _: &State) -> Result<()> {
        Ok(())
    }
}

#[test]
fn any_optimizer_takes_averages_along() -> Result<()> {
    let (student, average) = (
        network(1, DType::F32, (2, 3))?,
        network(2, DType::F32, (2, 3))?,
    );
    let mut optimizer = Negate(student.trainable().into_iter().collect());
    let tracker = WeightAverage::new(0., &student, &average)?;
    optimizer.step_with_average(&Gradients::default(), 0.1, &tracker)?;
    assert_eq!(weights(&student)?, weights(&average)?);
    Ok(())
}
