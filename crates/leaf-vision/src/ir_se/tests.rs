//! What IR-SE-50 must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;
use crate::finite_difference;

#[test]
fn names_counts_and_gradients() -> Result<()> {
    let parameters = Parameters::new(0);
    let network = ir_se50(parameters.builder(DType::F32, &Device::Cpu))?;
    let trained = parameters.trainable();
    let count: usize = trained.values().map(|var| var.elem_count()).sum();
    assert_eq!(count, 43_797_696);
    for (name, shape) in [
        ("input_layer.2.weight", vec![64]),
        ("body.0.res_layer.3.weight", vec![64, 64, 3, 3]),
        ("body.3.shortcut_layer.0.weight", vec![128, 64, 1, 1]),
        ("body.23.res_layer.5.fc1.weight", vec![32, 512, 1, 1]),
        ("output_layer.3.weight", vec![512, 25_088]),
        ("output_layer.4.bias", vec![512]),
    ] {
        assert_eq!(trained[name].dims(), shape, "{name}");
    }
    let shape = (2, 3, IMAGE_SIZE, IMAGE_SIZE);
    let xs = Random::new(1).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu);
    let xs = xs.expect("images");
    assert!(!network.features(&xs, Mode::Eval)?.track_op());
    let features = network.features(&xs, Mode::Train)?;
    assert_eq!(features.dims(), [2, FEATURES]);
    // A batch norm of two rows makes each feature about 1 or -1: weighted, so that a gradient is left.
    let weights = Random::new(2).normal_tensor(0., 1., (2, FEATURES), DType::F32, &Device::Cpu);
    let loss = (features * weights.expect("weights"))?.sum_all()?;
    let gradients = loss.backward()?;
    for (name, var) in trained {
        assert!(gradients.get(&var).is_some(), "{name} has no gradient");
    }
    Ok(())
}

#[test]
fn a_unit_is_differentiable() -> Result<()> {
    for (inputs, outputs, stride) in [(16, 16, 2), (16, 32, 1)] {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let unit = Unit::new((inputs, outputs, stride), &BatchNormConfig::default(), vb)?;
        let xs = finite_difference::normal(3, &[2, inputs, 3, 3])?;
        let vars = parameters.trainable();
        let some = [
            "res_layer.0.weight",
            "res_layer.2.weight",
            "res_layer.5.fc1.weight",
        ];
        let vars: Vec<&Var> = some.iter().map(|name| &vars[*name]).chain([&xs]).collect();
        finite_difference::check(&vars, || unit.forward(&xs, Mode::Train))?;
    }
    Ok(())
}

#[test]
fn other_sizes_are_refused() -> Result<()> {
    let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
    let xs = Tensor::zeros((1, 3, 96, 112), DType::F32, &Device::Cpu)?;
    let error = ir_se50(vb)?.features(&xs, Mode::Eval).unwrap_err();
    let text = "images has shape [1, 3, 96, 112], expected (N, 3, 112, 112)";
    assert_eq!(error.to_string(), text);
    Ok(())
}
