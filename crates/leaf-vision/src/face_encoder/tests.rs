//! What the face encoder must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;

fn network(config: &FaceEncoderConfig) -> Result<(Parameters, FaceEncoder)> {
    let parameters = Parameters::new(0);
    let network = face_encoder(config, parameters.builder(DType::F32, &Device::Cpu))?;
    Ok((parameters, network))
}

fn images(shape: &[usize]) -> Tensor {
    let images = Random::new(1).normal_tensor(0., 0.3, shape, DType::F32, &Device::Cpu);
    images.expect("random numbers")
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    let gray = FaceEncoderConfig::default().with_in_channels(1);
    for config in [
        FaceEncoderConfig::default(),
        gray.with_features(FaceFeatures::Pooled),
    ] {
        let (parameters, network) = network(&config)?;
        let size = FaceEncoderConfig::MIN_SIZE;
        let features = network.encode(&images(&[2, config.in_channels, size, size]), Mode::Train);
        let features = features.expect("features");
        assert_eq!(features.dims(), [2, config.feature_dim()]);
        assert_eq!(network.feature_dim(), config.feature_dim());
        let gradients = features.sqr()?.sum_all()?.backward()?;
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var);
            let gradient = gradient.unwrap_or_else(|| panic!("{config:?}: {name} has no gradient"));
            let largest = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(
                largest.is_finite() && largest > 0.,
                "{config:?}: {name}: {largest}"
            );
        }
    }
    Ok(())
}

#[test]
fn names_and_sizes_are_the_published_ones() -> Result<()> {
    let (parameters, _) = network(&FaceEncoderConfig::default())?;
    let all = parameters.all();
    // 29 convolutions of 3 tensors each, and the linear layer.
    assert_eq!(all.len(), 29 * 3 + 1);
    for (name, shape) in [
        ("conv32_down.conv.weight", vec![32, 3, 7, 7]),
        ("conv32_1.conv2.scale.bias", vec![32]),
        ("conv64_down.conv1.conv.weight", vec![64, 32, 3, 3]),
        ("conv128_2.conv2.conv.weight", vec![128, 128, 3, 3]),
        ("conv256_down_out.conv1.scale.weight", vec![256]),
        ("fc.weight", vec![128, 256]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    let count: usize = all.values().map(|var| var.elem_count()).sum();
    assert_eq!(count, 5_611_040);
    Ok(())
}

#[test]
fn images_of_150_pixels_end_as_2_by_2() -> Result<()> {
    let (_, network) = network(&FaceEncoderConfig::default())?;
    let map = network.feature_map(&images(&[1, 3, 150, 150]), Mode::Eval)?;
    assert_eq!(map.dims(), [1, 256, 2, 2]);
    Ok(())
}

#[test]
fn only_training_keeps_a_graph() -> Result<()> {
    let (_, network) = network(&FaceEncoderConfig::default())?;
    // Even inputs that are variables leave no graph outside training.
    let xs = Var::from_tensor(&images(&[1, 3, 110, 103]))?;
    let features = |mode| network.encode(&xs, mode).expect("features");
    for mode in [Mode::Teacher, Mode::Eval] {
        assert!(!features(mode).track_op());
    }
    assert!(features(Mode::Train).track_op());
    Ok(())
}

#[test]
fn images_that_do_not_fit_are_refused() -> Result<()> {
    let (_, network) = network(&FaceEncoderConfig::default())?;
    let wrong = |shape: &[usize]| {
        let error = network.encode(&images(shape), Mode::Eval).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        wrong(&[2, 3, 150, 102]),
        "size = 102, expected at least 103"
    );
    assert_eq!(
        wrong(&[2, 1, 150, 150]),
        "images has shape [2, 1, 150, 150], expected (N, 3, H, W)"
    );
    let config = FaceEncoderConfig::default().with_in_channels(0);
    let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
    let error = face_encoder(&config, vb).unwrap_err();
    assert_eq!(error.to_string(), "in_channels = 0, expected at least 1");
    Ok(())
}

/// Without a norm, what initial values do to the size of the signal is what training gets.
#[test]
fn the_signal_neither_vanishes_nor_explodes_at_first() -> Result<()> {
    let config = FaceEncoderConfig::default().with_features(FaceFeatures::Pooled);
    let (_, network) = network(&config)?;
    let xs = images(&[2, 3, 110, 110]);
    let features = network.encode(&xs, Mode::Eval).expect("features");
    let size = features.sqr()?.mean_all()?.to_scalar::<f32>()?.sqrt();
    assert!((0.03..3.).contains(&size), "{size}");
    Ok(())
}
