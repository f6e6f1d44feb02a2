//! What every wide residual network must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;

fn network(config: &WideResNetConfig, dtype: DType) -> Result<(Parameters, WideResNet)> {
    let parameters = Parameters::new(0);
    let network = wide_resnet(config, parameters.builder(dtype, &Device::Cpu))?;
    Ok((parameters, network))
}

fn tiny() -> WideResNetConfig {
    WideResNetConfig {
        depth: 10,
        widen: 1,
        ..Default::default()
    }
}

/// Whether nothing reads a parameter, see [`WideResNet`].
fn unread(name: &str) -> bool {
    name.starts_with("block2.layer.0.bn1") || name.starts_with("block3.layer.0.bn1")
}

#[test]
fn the_counts_are_the_published_ones() -> Result<()> {
    for (config, classes, count) in [
        (WideResNetConfig::wrn28_2(), 10, 1_467_610),
        (WideResNetConfig::wrn28_8(), 100, 23_401_012),
    ] {
        let (parameters, network) = network(&config, DType::F32)?;
        let sizes = parameters.trainable().into_values();
        let encoder: usize = sizes.map(|var| var.elem_count()).sum();
        assert_eq!(encoder + classes * (network.feature_dim() + 1), count);
    }
    Ok(())
}

#[test]
fn the_names_are_those_of_usb() -> Result<()> {
    let config = WideResNetConfig {
        bias: true,
        ..Default::default()
    };
    let all = network(&config, DType::F32)?.0.all();
    for (name, shape) in [
        ("conv1.bias", vec![16]),
        ("block1.layer.0.convShortcut.weight", vec![32, 16, 1, 1]),
        ("block1.layer.0.bn1.weight", vec![16]),
        ("block2.layer.0.conv1.weight", vec![64, 32, 3, 3]),
        ("block3.layer.3.conv2.bias", vec![128]),
        ("bn1.running_mean", vec![128]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    assert!(!all.contains_key("block1.layer.1.convShortcut.weight"));
    Ok(())
}

#[test]
fn every_parameter_that_is_read_gets_a_gradient() -> Result<()> {
    for config in [WideResNetConfig::wrn28_2(), tiny().with_in_channels(1)] {
        let (parameters, network) = network(&config, DType::F32)?;
        let shape = (3, config.in_channels, 8, 8);
        let xs = Random::new(1).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu);
        let features = network.encode(&xs.expect("numbers"), Mode::Train);
        let gradients = features.expect("features").sqr()?.sum_all()?.backward()?;
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var).expect("a gradient");
            let largest = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
            assert_eq!(largest > 0., !unread(&name), "{name}: {largest}");
            assert!(largest.is_finite(), "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_whole_network_is_differentiable() -> Result<()> {
    // Few enough numbers for differences of each.
    let (parameters, network) = network(&tiny().with_in_channels(1), DType::F64)?;
    let xs = crate::finite_difference::normal(4, &[3, 1, 4, 5])?;
    let small = parameters
        .trainable()
        .into_iter()
        .filter(|(name, var)| !unread(name) && var.elem_count() <= 200);
    let vars: Vec<Var> = small.map(|(_, var)| var).chain([xs.clone()]).collect();
    let vars: Vec<&Var> = vars.iter().collect();
    crate::finite_difference::check(&vars, || {
        let features = network.encode(&xs, Mode::Train);
        Ok(features.map_err(candle_core::Error::wrap)?)
    })
}

#[test]
fn images_that_do_not_fit_are_refused() -> Result<()> {
    let (_, network) = network(&tiny(), DType::F32)?;
    let wrong = |shape: (usize, usize, usize, usize)| {
        let xs = Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
        let result = network.encode(&xs, Mode::Eval);
        result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    };
    assert_eq!(wrong((2, 3, 3, 8)), "size = 3, expected at least 4");
    assert_eq!(
        wrong((2, 1, 8, 8)),
        "images has shape [2, 1, 8, 8], expected (N, 3, H, W)"
    );
    assert_eq!(wrong((2, 3, 4, 4)), "no error");
    Ok(())
}
