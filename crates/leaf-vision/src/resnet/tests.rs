//! What every residual network must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;
use crate::Frozen;

fn network(config: &ResNetConfig) -> Result<(Parameters, ResNet)> {
    let parameters = Parameters::new(0);
    let network = resnet(config, parameters.builder(DType::F32, &Device::Cpu))?;
    Ok((parameters, network))
}

fn images(shape: (usize, usize, usize, usize)) -> Tensor {
    let images = Random::new(1).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu);
    images.expect("random numbers")
}

fn buffers(parameters: &Parameters) -> Result<Vec<Vec<f32>>> {
    let buffers = parameters.buffers().into_values();
    buffers.map(|var| Ok(var.to_vec1()?)).collect()
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    for config in [
        ResNetConfig::narrow(),
        ResNetConfig::narrow().with_in_channels(1),
        ResNetConfig::narrow().with_frozen_norm(),
        ResNetConfig::resnet18(),
        ResNetConfig::resnet34(),
        ResNetConfig::resnet50(),
    ] {
        let (parameters, network) = network(&config)?;
        let size = config.min_size();
        let features = network.encode(&images((4, config.in_channels, size, size)), Mode::Train);
        let features = features.expect("features");
        assert_eq!(features.dims(), [4, config.feature_dim()]);
        assert_eq!(network.feature_dim(), config.feature_dim());
        // A sum of squares, since batch norm makes the plain sum constant.
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
fn the_names_are_torchvisions() -> Result<()> {
    let (parameters, _) = network(&ResNetConfig::resnet34())?;
    let all = parameters.all();
    // 36 convolutions (3 of them shortcuts), each with a batch norm of 4 tensors.
    assert_eq!(all.len(), 36 * 5);
    for (name, shape) in [
        ("conv1.weight", vec![64, 3, 7, 7]),
        ("bn1.running_var", vec![64]),
        ("layer1.2.conv2.weight", vec![64, 64, 3, 3]),
        ("layer2.0.downsample.0.weight", vec![128, 64, 1, 1]),
        ("layer2.0.downsample.1.bias", vec![128]),
        ("layer3.5.bn2.weight", vec![256]),
        ("layer4.2.conv1.weight", vec![512, 512, 3, 3]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    assert!(!all.contains_key("layer1.0.downsample.0.weight"));
    Ok(())
}

#[test]
fn the_count_and_names_of_resnet50_are_torchvisions() -> Result<()> {
    let (parameters, _) = network(&ResNetConfig::resnet50())?;
    let sizes = parameters.trainable().into_values();
    assert_eq!(sizes.map(|var| var.elem_count()).sum::<usize>(), 23_508_032);
    let all = parameters.all();
    // 53 convolutions (4 of them shortcuts).
    assert_eq!(all.len(), 53 * 5);
    for (name, shape) in [
        ("layer1.0.conv1.weight", vec![64, 64, 1, 1]),
        ("layer1.0.conv3.weight", vec![256, 64, 1, 1]),
        ("layer1.0.downsample.0.weight", vec![256, 64, 1, 1]),
        ("layer2.0.conv2.weight", vec![128, 128, 3, 3]),
        ("layer4.2.bn3.weight", vec![2048]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    Ok(())
}

#[test]
fn only_training_keeps_a_graph_and_moves_statistics() -> Result<()> {
    let (parameters, network) = network(&ResNetConfig::narrow())?;
    let before = buffers(&parameters)?;
    // Even inputs that are variables leave no graph outside training.
    let xs = Var::from_tensor(&images((3, 3, 16, 16)))?;
    for mode in [Mode::Teacher, Mode::Eval] {
        assert!(!network.encode(&xs, mode).expect("features").track_op());
    }
    assert_eq!(buffers(&parameters)?, before);
    assert!(
        network
            .encode(&xs, Mode::Train)
            .expect("features")
            .track_op()
    );
    for (before, after) in before.iter().zip(buffers(&parameters)?) {
        assert_ne!(*before, after);
    }
    Ok(())
}

#[test]
fn frozen_statistics_stay() -> Result<()> {
    let (parameters, network) = network(&ResNetConfig::narrow().with_frozen_norm())?;
    let before = buffers(&parameters)?;
    let xs = images((3, 3, 16, 16));
    let features = |mode| {
        network
            .encode(&xs, mode)
            .expect("features")
            .to_vec2::<f32>()
    };
    assert_eq!(features(Mode::Train)?, features(Mode::Eval)?);
    assert_eq!(buffers(&parameters)?, before);
    Ok(())
}

#[test]
fn a_frozen_encoder_keeps_no_graph_at_all() -> Result<()> {
    let (parameters, network) = network(&ResNetConfig::narrow())?;
    let before = buffers(&parameters)?;
    let encoder = Frozen(network);
    let features = encoder.encode(&images((3, 3, 16, 16)), Mode::Train);
    assert!(!features.expect("features").track_op());
    assert_eq!(buffers(&parameters)?, before);
    assert_eq!(encoder.feature_dim(), 64);
    Ok(())
}

#[test]
fn images_that_do_not_fit_are_refused() -> Result<()> {
    let (_, network) = network(&ResNetConfig::narrow())?;
    let wrong = |shape| {
        let result = network.encode(&images(shape), Mode::Eval);
        result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    };
    assert_eq!(wrong((2, 3, 9, 7)), "size = 7, expected at least 8");
    assert_eq!(
        wrong((2, 1, 32, 32)),
        "images has shape [2, 1, 32, 32], expected (N, 3, H, W)"
    );
    assert_eq!(wrong((2, 3, 8, 9)), "no error");
    Ok(())
}

#[test]
fn a_whole_network_is_differentiable() -> Result<()> {
    differentiable(Block::Basic, 5)
}

#[test]
fn a_network_of_bottlenecks_is_differentiable() -> Result<()> {
    differentiable(Block::Bottleneck, 6)
}

/// With a seed whose rectifiers are all clear of their edge.
fn differentiable(block: Block, seed: u64) -> Result<()> {
    let config = ResNetConfig {
        block,
        in_channels: 1,
        stem: Stem::Large,
        widths: vec![2, 3],
        blocks: vec![1, 1],
        ..Default::default()
    };
    let parameters = Parameters::new(seed);
    let network = resnet(&config, parameters.builder(DType::F64, &Device::Cpu))?;
    let xs = crate::finite_difference::normal(4, &[3, 1, 9, 10])?;
    let vars = parameters.trainable();
    let mut vars: Vec<&Var> = vars.values().collect();
    vars.push(&xs);
    crate::finite_difference::check(&vars, || {
        Ok(network
            .encode(&xs, Mode::Train)
            .map_err(candle_core::Error::wrap)?)
    })
}
