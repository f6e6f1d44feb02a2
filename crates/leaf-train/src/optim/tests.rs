//! The optimizers against naive ones on plain numbers, entry by entry.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor, Var};

use super::*;
use crate::Error;

const STEPS: usize = 7;

/// A weight (2, 2) and a bias (2,) as plain numbers.
#[derive(Clone, Copy)]
struct Naive {
    weight: [f64; 4],
    bias: [f64; 2],
}

const START: Naive = Naive {
    weight: [0.5, -1.25, 2., 0.125],
    bias: [-0.75, 1.5],
};

/// Gradients that change sign and size, of entry `i` in step `t`.
fn gradient(t: usize, i: usize) -> f64 {
    ((t * 7 + i * 3) as f64 * 0.9).sin() * (1. + t as f64 / 3.)
}

fn learning_rate(t: usize) -> f64 {
    0.1 / (1. + t as f64)
}

fn variables() -> Result<BTreeMap<String, Var>> {
    let weight = Tensor::new(&START.weight, &Device::Cpu)?.reshape((2, 2))?;
    Ok(BTreeMap::from([
        ("weight".to_owned(), Var::from_tensor(&weight)?),
        ("bias".to_owned(), Var::new(&START.bias, &Device::Cpu)?),
    ]))
}

fn gradients(t: usize) -> Result<Gradients> {
    let weight: Vec<f64> = (0..4).map(|i| gradient(t, i)).collect();
    let bias: Vec<f64> = (4..6).map(|i| gradient(t, i)).collect();
    Ok(Gradients::from_iter([
        (
            "weight".to_owned(),
            Tensor::from_vec(weight, (2, 2), &Device::Cpu)?,
        ),
        ("bias".to_owned(), Tensor::from_vec(bias, 2, &Device::Cpu)?),
    ]))
}

fn values(parameters: &BTreeMap<String, Var>) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    for name in ["weight", "bias"] {
        values.extend(parameters[name].flatten_all()?.to_vec1::<f64>()?);
    }
    Ok(values)
}

/// Runs an optimizer and compares it with `naive(decays, entry, t, w) -> w`.
fn compare(
    config: OptimizerConfig,
    mut naive: impl FnMut(bool, usize, usize, f64) -> f64,
    decay_all: bool,
) -> Result<()> {
    let parameters = variables()?;
    let mut optimizer = config.build(&parameters)?;
    let mut wanted: Vec<f64> = START.weight.into_iter().chain(START.bias).collect();
    for t in 0..STEPS {
        optimizer.step(&gradients(t)?, learning_rate(t))?;
        for (i, w) in wanted.iter_mut().enumerate() {
            *w = naive(i < 4 || decay_all, i, t, *w);
        }
        for (found, wanted) in values(&parameters)?.iter().zip(&wanted) {
            assert!(
                (found - wanted).abs() < 1e-12,
                "{config:?}: {found}, {wanted}"
            );
        }
    }
    Ok(())
}

fn decays() -> Vec<WeightDecay> {
    vec![
        WeightDecay::NONE,
        WeightDecay::L2(0.3),
        WeightDecay::Decoupled(0.3),
    ]
}

/// The gradient with L2 and the weight after decoupled decay.
fn decayed(kind: WeightDecay, acts: bool, g: f64, w: f64, r: f64) -> (f64, f64) {
    match kind {
        _ if !acts => (g, w),
        WeightDecay::L2(s) => (g + s * w, w),
        WeightDecay::Decoupled(s) => (g, w * (1. - r * s)),
    }
}

#[test]
fn sgd_is_pytorchs() -> Result<()> {
    for (momentum, nesterov) in [(0., false), (0.9, false), (0.9, true)] {
        for weight_decay in decays() {
            for decay_all in [false, true] {
                let config = SgdConfig {
                    momentum,
                    nesterov,
                    weight_decay,
                    decay_all,
                    ..SgdConfig::default()
                };
                let mut velocity = [None; 6];
                let naive = |acts, i: usize, t, w| {
                    let r = learning_rate(t);
                    let (g, kept) = decayed(weight_decay, acts, gradient(t, i), w, r);
                    // The first velocity is the gradient.
                    let v = velocity[i].map_or(g, |v: f64| momentum * v + g);
                    velocity[i] = Some(v);
                    kept - r * if nesterov { g + momentum * v } else { v }
                };
                compare(OptimizerConfig::Sgd(config), naive, decay_all)?;
            }
        }
    }
    Ok(())
}

#[test]
fn adam_is_pytorchs() -> Result<()> {
    for weight_decay in decays() {
        for decay_all in [false, true] {
            let config = AdamConfig {
                beta1: 0.8,
                beta2: 0.95,
                eps: 1e-3,
                weight_decay,
                decay_all,
                ..AdamConfig::default()
            };
            let mut moments = [(0f64, 0f64); 6];
            let naive = |acts, i: usize, t: usize, w| {
                let r = learning_rate(t);
                let (g, kept) = decayed(weight_decay, acts, gradient(t, i), w, r);
                let (m, v) = &mut moments[i];
                *m = 0.8 * *m + 0.2 * g;
                *v = 0.95 * *v + 0.05 * g * g;
                let m_hat = *m / (1. - 0.8f64.powi(t as i32 + 1));
                let v_hat = *v / (1. - 0.95f64.powi(t as i32 + 1));
                kept - r * m_hat / (v_hat.sqrt() + 1e-3)
            };
            compare(OptimizerConfig::Adam(config), naive, decay_all)?;
        }
    }
    Ok(())
}

#[test]
fn the_first_steps_are_what_a_hand_computes() -> Result<()> {
    let weight = Var::new(&[1f64], &Device::Cpu)?;
    let parameters = BTreeMap::from([("weight".to_owned(), weight.clone())]);
    let gradient = || -> Result<Gradients> {
        let gradient = Tensor::new(&[2f64], &Device::Cpu)?;
        Ok(Gradients::from_iter([("weight".to_owned(), gradient)]))
    };
    let mut sgd = Sgd::new(&parameters, SgdConfig::default())?;
    sgd.step(&gradient()?, 0.1)?;
    // v = 2; 1 - 0.1 (2 + 0.9 * 2)
    assert!((weight.to_vec1::<f64>()?[0] - 0.62).abs() < 1e-12);
    sgd.step(&gradient()?, 0.1)?;
    // v = 3.8; 0.62 - 0.1 (2 + 0.9 * 3.8)
    assert!((weight.to_vec1::<f64>()?[0] - 0.078).abs() < 1e-12);
    let mut adam = Adam::new(&parameters, AdamConfig::default())?;
    adam.step(&gradient()?, 0.1)?;
    // The first step of Adam has the length of the learning rate.
    assert!((weight.to_vec1::<f64>()?[0] + 0.022).abs() < 1e-8);
    Ok(())
}

#[test]
fn going_on_from_a_saved_state_changes_nothing() -> Result<()> {
    let adamw = AdamConfig::adamw();
    for config in [OptimizerConfig::default(), OptimizerConfig::Adam(adamw)] {
        let (whole, halves) = (variables()?, variables()?);
        let mut uninterrupted = config.build(&whole)?;
        let mut first = config.build(&halves)?;
        for t in 0..3 {
            uninterrupted.step(&gradients(t)?, 0.1)?;
            first.step(&gradients(t)?, 0.1)?;
        }
        let state = first.state()?;
        // What the first one does from here on must not reach into the saved state.
        let values_then = values(&halves)?;
        first.step(&gradients(9)?, 0.1)?;
        let weight = Tensor::new(&values_then[..4], &Device::Cpu)?.reshape((2, 2))?;
        halves["weight"].set(&weight)?;
        halves["bias"].set(&Tensor::new(&values_then[4..], &Device::Cpu)?)?;
        let mut second = config.build(&halves)?;
        second.load_state(&state)?;
        for t in 3..STEPS {
            uninterrupted.step(&gradients(t)?, 0.1)?;
            second.step(&gradients(t)?, 0.1)?;
        }
        assert_eq!(values(&whole)?, values(&halves)?);
    }
    Ok(())
}

#[test]
fn another_state_is_refused_with_every_entry_named() -> Result<()> {
    let parameters = variables()?;
    let mut sgd = Sgd::new(&parameters, SgdConfig::default())?;
    let adam = Adam::new(&parameters, AdamConfig::default())?;
    let text = sgd.load_state(&adam.state()?).unwrap_err().to_string();
    for name in ["velocity.weight", "first.bias", "second.weight", "steps"] {
        assert!(text.contains(name), "{text}");
    }
    Ok(())
}

#[test]
fn a_parameter_without_a_gradient_is_named_or_left_alone() -> Result<()> {
    let parameters = variables()?;
    let only_bias = || -> Result<Gradients> {
        let bias = gradients(0)?.get("bias").expect("bias").clone();
        Ok(Gradients::from_iter([("bias".to_owned(), bias)]))
    };
    let mut strict = Sgd::new(&parameters, SgdConfig::default())?;
    let error = strict.step(&only_bias()?, 0.1).unwrap_err();
    assert!(matches!(&error, Error::MissingGradient { names } if names == &["weight"]));
    let start: Vec<f64> = START.weight.into_iter().chain(START.bias).collect();
    assert_eq!(values(&parameters)?, start, "nothing moved");

    let mut lenient = Sgd::new(
        &parameters,
        SgdConfig {
            allow_missing_gradients: true,
            ..SgdConfig::default()
        },
    )?;
    lenient.step(&only_bias()?, 0.1)?;
    let after = values(&parameters)?;
    assert_eq!(after[..4], start[..4], "not even decay acts");
    assert_ne!(after[4..], start[4..]);
    Ok(())
}

#[test]
fn settings_out_of_bounds_are_refused() -> Result<()> {
    let parameters = variables()?;
    let sgd = |config| Sgd::new(&parameters, config).unwrap_err().to_string();
    let momentum = sgd(SgdConfig {
        momentum: 1.,
        ..SgdConfig::default()
    });
    assert_eq!(momentum, "momentum = 1, expected at least 0 and below 1");
    let nesterov = sgd(SgdConfig {
        momentum: 0.,
        ..SgdConfig::default()
    });
    assert!(
        nesterov.contains("nesterov = true with momentum = 0"),
        "{nesterov}"
    );
    let eps = AdamConfig {
        eps: 0.,
        ..AdamConfig::default()
    };
    assert!(Adam::new(&parameters, eps).is_err());
    let none = Sgd::new(&BTreeMap::new(), SgdConfig::default());
    assert!(matches!(none, Err(Error::NoParameters)));
    Ok(())
}

#[test]
fn a_gradient_of_another_shape_is_refused() -> Result<()> {
    let parameters = variables()?;
    let mut sgd = Sgd::new(&parameters, SgdConfig::default())?;
    let wrong = Tensor::new(&[1f64], &Device::Cpu)?;
    let gradients = Gradients::from_iter([
        ("weight".to_owned(), wrong.clone()),
        ("bias".to_owned(), wrong),
    ]);
    let error = sgd.step(&gradients, 0.1).unwrap_err().to_string();
    assert!(error.contains("shape [1], expected [2]"), "{error}");
    Ok(())
}
