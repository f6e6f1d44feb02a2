//! What the network of face recognition must do.

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;

fn tiny() -> IrSeConfig {
    IrSeConfig {
        in_channels: 1,
        size: 7,
        widths: vec![2, 3],
        units: vec![2, 1],
        reduction: 1,
        feature_dim: 3,
    }
}

fn network(config: &IrSeConfig, dtype: DType) -> Result<(Parameters, IrSeNet)> {
    let parameters = Parameters::new(3);
    let network = ir_se_net(config, parameters.builder(dtype, &Device::Cpu))?;
    Ok((parameters, network))
}

#[test]
fn names_and_count_are_the_published_ones() -> Result<()> {
    let (parameters, network) = network(&IrSeConfig::ir_se50(), DType::F32)?;
    assert_eq!(network.feature_dim(), 512);
    let all = parameters.all();
    for (name, shape) in [
        ("input_layer.2.weight", vec![64]),
        ("body.0.res_layer.5.fc1.weight", vec![4, 64, 1, 1]),
        ("body.3.shortcut_layer.0.weight", vec![128, 64, 1, 1]),
        ("body.23.res_layer.3.weight", vec![512, 512, 3, 3]),
        ("output_layer.0.running_var", vec![512]),
        ("output_layer.3.weight", vec![512, 25088]),
        ("output_layer.4.bias", vec![512]),
    ] {
        assert_eq!(all[name].dims(), shape, "{name}");
    }
    assert!(!all.contains_key("body.0.shortcut_layer.0.weight"));
    let sizes = parameters.trainable().into_values();
    assert_eq!(sizes.map(|var| var.elem_count()).sum::<usize>(), 43_797_696);
    Ok(())
}

#[test]
fn a_whole_network_is_differentiable() -> Result<()> {
    let (parameters, network) = network(&tiny(), DType::F64)?;
    let xs = crate::finite_difference::normal(4, &[4, 1, 7, 7])?;
    let vars = parameters.trainable();
    let mut vars: Vec<&Var> = vars.values().collect();
    vars.push(&xs);
    crate::finite_difference::check(&vars, || {
        let features = network.encode(&xs, Mode::Train);
        Ok(features.map_err(candle_core::Error::wrap)?)
    })
}

#[test]
fn kernels_agree_with_the_twin() -> Result<()> {
    let config = IrSeConfig {
        widths: vec![32, 48],
        reduction: 16,
        size: 14,
        in_channels: 3,
        ..tiny()
    };
    let run = |dtype: DType| -> Result<Vec<Vec<f64>>> {
        // The same numbers in both: those of f32.
        let (source, _) = network(&config, DType::F32)?;
        let (parameters, network) = network(&config, dtype)?;
        for (name, var) in parameters.all() {
            var.set(&source.all()[&name].to_dtype(dtype)?)?;
        }
        let xs = Random::new(1).normal_tensor(0., 1., (4, 3, 14, 14), DType::F32, &Device::Cpu);
        let xs = xs.expect("numbers").to_dtype(dtype)?;
        let ys = network.encode(&xs, Mode::Train).expect("features");
        let eval = network.encode(&xs, Mode::Eval).expect("features");
        assert!(!eval.track_op());
        let weights = Tensor::arange(0., 12., &Device::Cpu)?.reshape((4, 3))?;
        let loss = (&ys * weights.to_dtype(dtype)?)?.sum_all()?;
        let gradients = loss.backward()?;
        let mut all = vec![ys.detach(), eval];
        for (name, var) in parameters.trainable() {
            // A bias before a norm has no influence: rounding is all that there is.
            if name != "output_layer.3.bias" {
                all.push(gradients.get(&var).expect("a gradient").clone());
            }
        }
        let values = all.iter();
        values
            .map(|t| Ok(t.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?))
            .collect()
    };
    for (ours, twin) in run(DType::F32)?.iter().zip(run(DType::F64)?) {
        let largest = twin.iter().fold(1e-2f64, |m, v| m.max(v.abs()));
        for (a, b) in ours.iter().zip(&twin) {
            assert!((a - b).abs() < 2e-3 * largest, "{a}, expected {b}");
        }
    }
    Ok(())
}

#[test]
fn other_sides_are_refused() -> Result<()> {
    let (_, network) = network(&tiny(), DType::F32)?;
    let xs = Tensor::zeros((2, 1, 7, 8), DType::F32, &Device::Cpu)?;
    let error = network.encode(&xs, Mode::Eval).unwrap_err().to_string();
    assert_eq!(
        error,
        "images has shape [2, 1, 7, 8], expected (N, 1, 7, 7)"
    );
    Ok(())
}
