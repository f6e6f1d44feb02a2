//! What batch norm must do.

use candle_core::{DType, Device};
use leaf_core::{Parameters, Random};

use super::*;
use crate::finite_difference::{self, normal};

fn images(shape: (usize, usize, usize, usize)) -> Result<Tensor> {
    let xs = Random::new(3).normal_tensor(2., 3., shape, DType::F64, &Device::Cpu);
    Ok(xs.expect("random numbers"))
}

fn layer(config: &BatchNormConfig) -> Result<(Parameters, BatchNorm2d)> {
    let parameters = Parameters::new(0);
    let norm = batch_norm2d(2, config, parameters.builder(DType::F64, &Device::Cpu))?;
    Ok((parameters, norm))
}

fn running(parameters: &Parameters) -> Result<Vec<f64>> {
    let buffers = parameters.buffers();
    let mut values = buffers["running_mean"].to_vec1()?;
    values.extend(buffers["running_var"].to_vec1::<f64>()?);
    Ok(values)
}

#[test]
fn training_moves_the_running_statistics() -> Result<()> {
    let (parameters, norm) = layer(&BatchNormConfig::default())?;
    let xs = Tensor::new(&[[[[1f64, 3.]], [[2., 2.]]]], &Device::Cpu)?;
    norm.forward(&xs, Mode::Train)?;
    // Means 2 and 2; unbiased variances 2 and 0.
    for (found, wanted) in running(&parameters)?.iter().zip([0.2, 0.2, 1.1, 0.9]) {
        assert!((found - wanted).abs() < 1e-12, "{found}, expected {wanted}");
    }
    Ok(())
}

#[test]
fn teacher_and_evaluation_change_nothing_and_keep_no_graph() -> Result<()> {
    let (parameters, norm) = layer(&BatchNormConfig::default())?;
    let xs = Var::from_tensor(&images((3, 2, 4, 4))?)?;
    for mode in [Mode::Teacher, Mode::Eval] {
        assert!(!norm.forward(&xs, mode)?.track_op());
    }
    assert_eq!(running(&parameters)?, [0., 0., 1., 1.]);
    Ok(())
}

#[test]
fn teacher_sees_what_training_sees() -> Result<()> {
    let (_, norm) = layer(&BatchNormConfig::default())?;
    let xs = images((3, 2, 4, 4))?;
    let ys = |mode| -> Result<Vec<f64>> { Ok(norm.forward(&xs, mode)?.flatten_all()?.to_vec1()?) };
    assert_eq!(ys(Mode::Teacher)?, ys(Mode::Train)?);
    assert_ne!(ys(Mode::Teacher)?, ys(Mode::Eval)?);
    Ok(())
}

#[test]
fn frozen_statistics_stay_and_the_rest_learns() -> Result<()> {
    let config = BatchNormConfig {
        frozen: true,
        ..Default::default()
    };
    let (parameters, norm) = layer(&config)?;
    let xs = Var::from_tensor(&images((3, 2, 4, 4))?)?;
    let ys = norm.forward(&xs, Mode::Train)?;
    let evaluated = norm.forward(&xs, Mode::Eval)?;
    let difference = (&ys - evaluated)?.abs()?.max_all()?.to_scalar::<f64>()?;
    assert_eq!(difference, 0.);
    assert_eq!(running(&parameters)?, [0., 0., 1., 1.]);
    let gradients = ys.sqr()?.sum_all()?.backward()?;
    assert!(gradients.get(&xs).is_some());
    for (name, var) in parameters.trainable() {
        assert!(gradients.get(&var).is_some(), "{name} gets a gradient");
    }
    Ok(())
}

#[test]
fn one_value_per_channel_is_refused_where_it_counts() -> Result<()> {
    let (parameters, norm) = layer(&BatchNormConfig::default())?;
    let xs = images((1, 2, 1, 1))?;
    let error = norm.forward(&xs, Mode::Train).unwrap_err().to_string();
    assert!(
        error.starts_with("batch norm has 1 value per channel"),
        "{error}"
    );
    assert!(norm.forward(&xs, Mode::Eval).is_ok());
    assert_eq!(running(&parameters)?, [0., 0., 1., 1.]);
    Ok(())
}

#[test]
fn rules_are_checked() -> Result<()> {
    let wrong = |config: BatchNormConfig| config.check().unwrap_err().to_string();
    let base = BatchNormConfig::default();
    assert_eq!(
        wrong(BatchNormConfig { eps: 0., ..base }),
        "eps = 0, expected a number above 0"
    );
    let base = BatchNormConfig::default();
    assert_eq!(
        wrong(BatchNormConfig {
            momentum: 1.5,
            ..base
        }),
        "momentum = 1.5, expected 0 to 1"
    );
    let (_, norm) = layer(&BatchNormConfig::default())?;
    let error = norm
        .forward(&images((2, 3, 4, 4))?, Mode::Eval)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "input of batch norm has shape [2, 3, 4, 4], expected (N, 2, H, W) with at least 1 pixel"
    );
    Ok(())
}

#[test]
fn gradients_are_differences() -> Result<()> {
    for frozen in [false, true] {
        let config = BatchNormConfig {
            frozen,
            ..Default::default()
        };
        let (xs, weight, bias) = (
            normal(1, &[3, 2, 2, 3])?,
            normal(2, &[2])?,
            normal(3, &[2])?,
        );
        let norm = BatchNorm2d::new(
            weight.as_tensor().clone(),
            bias.as_tensor().clone(),
            Var::new(&[0.3f64, -0.2], &Device::Cpu)?,
            Var::new(&[1.5f64, 0.5], &Device::Cpu)?,
            config,
        )?;
        finite_difference::check(&[&xs, &weight, &bias], || norm.forward(&xs, Mode::Train))?;
    }
    Ok(())
}

#[test]
fn a_large_mean_hides_no_spread() -> Result<()> {
    let (_, norm) = layer(&BatchNormConfig::default())?;
    let norm = BatchNorm2d::new(
        norm.weight().to_dtype(DType::F32)?,
        norm.bias().to_dtype(DType::F32)?,
        Var::zeros(2, DType::F32, &Device::Cpu)?,
        Var::ones(2, DType::F32, &Device::Cpu)?,
        BatchNormConfig::default(),
    )?;
    let xs = (images((16, 2, 8, 8))? + 1000.)?.to_dtype(DType::F32)?;
    let ys = norm.forward(&xs, Mode::Train)?;
    let variance = ys.sqr()?.mean_all()?.to_scalar::<f32>()?;
    assert!((variance - 1.).abs() < 1e-3, "{variance}");
    Ok(())
}
