//! What a wide residual network must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;
use crate::finite_difference;

fn network(config: &WideResNetConfig, dtype: DType) -> Result<(Parameters, WideResNet)> {
    let parameters = Parameters::new(0);
    let network = wide_resnet(config, parameters.builder(dtype, &Device::Cpu))?;
    Ok((parameters, network))
}

fn trained(config: &WideResNetConfig) -> Result<usize> {
    let (parameters, _) = network(config, DType::F32)?;
    let vars = parameters.trainable().into_values();
    Ok(vars.map(|var| var.elem_count()).sum())
}

/// The smallest network of this kind.
fn small() -> WideResNetConfig {
    WideResNetConfig {
        depth: 10,
        widen: 1,
        ..WideResNetConfig::wrn28_2()
    }
}

#[test]
fn the_counts_are_usbs() -> Result<()> {
    // USB's WRN-28-2 has 1,467,610 parameters with a classifier of 10 classes.
    assert_eq!(
        trained(&WideResNetConfig::wrn28_2())?,
        1_467_610 - (128 * 10 + 10)
    );
    assert_eq!(
        trained(&WideResNetConfig::wrn28_8())?,
        23_354_842 - (512 * 10 + 10)
    );
    Ok(())
}

#[test]
fn the_names_are_usbs() -> Result<()> {
    let (parameters, _) = network(&WideResNetConfig::wrn28_2(), DType::F32)?;
    let all = parameters.all();
    for (name, shape) in [
        ("conv1.weight", vec![16, 3, 3, 3]),
        ("block1.layer.0.convShortcut.weight", vec![32, 16, 1, 1]),
        ("block1.layer.3.bn2.running_mean", vec![32]),
        ("block3.layer.0.conv1.weight", vec![128, 64, 3, 3]),
        ("bn1.bias", vec![128]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    assert!(!all.contains_key("block1.layer.1.convShortcut.weight"));
    Ok(())
}

#[test]
fn every_parameter_gets_a_gradient_but_those_that_usb_does_not_use() -> Result<()> {
    for usb_compat in [false, true] {
        let config = WideResNetConfig {
            usb_compat,
            ..small()
        };
        let (parameters, network) = network(&config, DType::F32)?;
        let xs = Random::new(1).normal_tensor(0., 1., (4, 3, 16, 16), DType::F32, &Device::Cpu);
        let features = network.features(&xs.expect("images"), Mode::Train)?;
        let gradients = features.sqr()?.sum_all()?.backward()?;
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var).expect("a gradient");
            let largest = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
            let unused = usb_compat
                && ["block2.layer.0.bn1", "block3.layer.0.bn1"]
                    .iter()
                    .any(|block| name.starts_with(block));
            assert_eq!(largest == 0., unused, "{name}: {largest}");
        }
    }
    Ok(())
}

#[test]
fn a_whole_network_is_differentiable() -> Result<()> {
    let (parameters, network) = network(&small().with_in_channels(1), DType::F64)?;
    let xs = finite_difference::normal(4, &[2, 1, 4, 5])?;
    let vars = parameters.trainable();
    let some = [
        "bn1.weight",
        "block2.layer.0.bn1.bias",
        "block3.layer.0.bn2.weight",
    ];
    let vars: Vec<&Var> = some.iter().map(|name| &vars[*name]).chain([&xs]).collect();
    finite_difference::check(&vars, || network.features(&xs, Mode::Train))
}

#[test]
fn rules_are_checked() {
    let config = WideResNetConfig {
        depth: 27,
        ..WideResNetConfig::wrn28_2()
    };
    let error = config.check().unwrap_err().to_string();
    assert_eq!(error, "depth = 27, expected 4 more than a multiple of 6");
}
