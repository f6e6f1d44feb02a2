//! The gate by hand, in f32 and f64, against its twin of candle's operations in f64.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Gate, GateWeighting, Mode, NoiseSource, NoisyTopK, NoisyTopKConfig, Random, Result,
    balance_loss,
};
use leaf_testkit::entries;
use proptest::prelude::*;

const DEVICE: Device = Device::Cpu;

/// Weights, experts, importance, load, balance; then the gradients of x, W_g and W_n.
type Found = Vec<Vec<f64>>;

/// One pass forward and backward with these values in that type.
fn run(
    values: &[Tensor],
    noise: &Tensor,
    config: &NoisyTopKConfig,
    dtype: DType,
    plain: bool,
) -> Result<Found> {
    let vars = values
        .iter()
        .map(|value| Var::from_tensor(&value.to_dtype(dtype)?))
        .collect::<candle_core::Result<Vec<Var>>>()?;
    let noise = NoiseSource::recorded([noise.to_dtype(dtype)?]);
    let w_noise = config.noise.then(|| vars[2].as_tensor().clone());
    let gate = NoisyTopK::new(vars[1].as_tensor().clone(), w_noise, config.clone(), noise)?;
    let gate = if plain { gate.plain() } else { gate };
    let routing = gate.route(&vars[0], Mode::Train)?;
    let balance = balance_loss(&routing)?;
    let mut loss = balance.clone();
    for part in [&routing.weights, &routing.importance, &routing.load] {
        let weights = Random::new(7).normal_tensor(0., 1., part.shape(), DType::F64, &DEVICE)?;
        loss = (loss + (part * weights.to_dtype(dtype)?)?.sum_all()?)?;
    }
    let store = loss.backward()?;
    let mut found = vec![
        entries(&routing.weights)?,
        entries(&routing.experts)?,
        entries(&routing.importance)?,
        entries(&routing.load)?,
        entries(&balance)?,
    ];
    for var in &vars[..if config.noise { 3 } else { 2 }] {
        found.push(entries(store.get(var).expect("a gradient"))?);
    }
    Ok(found)
}

fn close(what: &str, found: &Found, wanted: &Found, bound: f64) {
    for (part, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found.len(), wanted.len(), "{what}, part {part}");
        let largest = wanted.iter().fold(1f64, |m, w| m.max(w.abs()));
        for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            let difference = (found - wanted).abs();
            assert!(
                difference <= bound * largest,
                "{what}, part {part}[{i}]: {found} instead of {wanted}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn by_hand_is_the_twin(
        seed in 0u64..1000, rows in 1usize..50, dim in 1usize..40, num_experts in 1usize..10,
        k in 1usize..10, noise: bool, renormalized: bool,
    ) {
        prop_assume!(k <= num_experts);
        let config = NoisyTopKConfig {
            num_experts,
            k,
            noise,
            weighting: match renormalized {
                true => GateWeighting::TopKSoftmax,
                false => GateWeighting::SoftmaxTopK,
            },
            ..NoisyTopKConfig::default()
        };
        let mut random = Random::new(seed);
        let mut tensor = |rows: usize, columns: usize, std: f64| {
            random.normal_tensor(0., std, (rows, columns), DType::F32, &DEVICE).unwrap()
        };
        let std = 1. / (dim as f64).sqrt();
        let values = [
            tensor(rows, dim, 1.), tensor(dim, num_experts, std), tensor(dim, num_experts, std),
        ];
        let noise = tensor(rows, num_experts, 1.);
        let wanted = run(&values, &noise, &config, DType::F64, true).unwrap();
        close("f64", &run(&values, &noise, &config, DType::F64, false).unwrap(), &wanted, 1e-11);
        close("f32", &run(&values, &noise, &config, DType::F32, false).unwrap(), &wanted, 2e-5);
    }
}

/// With equal scores everything is decided by number, and slopes are finite.
#[test]
fn ties_and_zero_features() -> Result<()> {
    for k in [1, 2, 4] {
        for weighting in [GateWeighting::TopKSoftmax, GateWeighting::SoftmaxTopK] {
            let config = NoisyTopKConfig {
                k,
                weighting,
                ..NoisyTopKConfig::default()
            };
            let zeros = |rows, columns| Tensor::zeros((rows, columns), DType::F32, &DEVICE);
            let values = [zeros(5, 6)?, zeros(6, 4)?, zeros(6, 4)?];
            let noise = zeros(5, 4)?;
            let wanted = run(&values, &noise, &config, DType::F64, true)?;
            let found = run(&values, &noise, &config, DType::F32, false)?;
            close("ties", &found, &wanted, 1e-6);
            assert!(found.iter().flatten().all(|number| number.is_finite()));
        }
    }
    Ok(())
}

#[test]
fn bf16_is_computed_in_f32() -> Result<()> {
    let mut random = Random::new(1);
    let mut tensor =
        |dims: (usize, usize)| random.normal_tensor(0., 0.5, dims, DType::BF16, &DEVICE);
    let values = [tensor((20, 8))?, tensor((8, 4))?, tensor((8, 4))?];
    let noise = tensor((20, 4))?;
    let config = NoisyTopKConfig::default();
    let found = run(&values, &noise, &config, DType::BF16, false)?;
    let wanted = run(&values, &noise, &config, DType::F64, true)?;
    close("bf16", &found, &wanted, 2e-2);
    Ok(())
}

#[test]
fn numbers_that_are_none_do_no_harm() -> Result<()> {
    let config = NoisyTopKConfig::default();
    let values = [
        Tensor::full(f32::NAN, (3, 6), &DEVICE)?,
        Tensor::ones((6, 4), DType::F32, &DEVICE)?,
        Tensor::ones((6, 4), DType::F32, &DEVICE)?,
    ];
    let noise = Tensor::ones((3, 4), DType::F32, &DEVICE)?;
    let found = run(&values, &noise, &config, DType::F32, false)?;
    assert!(found[1].iter().all(|expert| *expert < 4.));
    Ok(())
}
