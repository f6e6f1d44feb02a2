//! The small layers' formulas.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Mode, Parameters};

use super::*;
use crate::error::Result;
use crate::map_layer::MapLayer;
use crate::pass::Pass;

#[test]
fn a_learned_rectifier_scales_what_is_below_zero() -> Result<()> {
    let parameters = Parameters::new(0);
    let layer = prelu(2, parameters.builder(DType::F32, &Device::Cpu))?;
    let slopes = Tensor::new(&[0.5f32, -1.], &Device::Cpu)?;
    parameters.all()["weight"].set(&slopes)?;
    let xs = Tensor::new(&[[[[-2f32, 4.]], [[-3., 0.]]]], &Device::Cpu)?;
    let (mut pass, map) = Pass::begin(&xs, Mode::Train)?;
    let ys = layer.forward_map(&map, &mut pass)?;
    let ys = pass.finish(&ys)?;
    assert_eq!(ys.flatten_all()?.to_vec1::<f32>()?, [-1., 4., 3., 0.]);
    let gradients = ys.sum_all()?.backward()?;
    let gradient = gradients.get(&parameters.all()["weight"]).expect("one");
    assert_eq!(gradient.to_vec1::<f32>()?, [-2., -3.]);
    Ok(())
}

#[test]
fn excitation_of_zero_weights_halves() -> Result<()> {
    let parameters = Parameters::new(0);
    let layer = squeeze_excite(4, 2, parameters.builder(DType::F32, &Device::Cpu))?;
    let second = &parameters.all()["fc2.weight"];
    second.set(&second.zeros_like()?)?;
    let xs = Tensor::ones((1, 4, 2, 2), DType::F32, &Device::Cpu)?;
    let (mut pass, map) = Pass::begin(&xs, Mode::Eval)?;
    let ys = layer.forward_map(&map, &mut pass)?;
    let ys = pass.finish(&ys)?.flatten_all()?.to_vec1::<f32>()?;
    assert_eq!(ys, [0.5; 16]);
    Ok(())
}

#[test]
fn an_empty_hidden_layer_is_refused() {
    let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
    for reduction in [0, 5] {
        let error = squeeze_excite(4, reduction, vb.clone()).unwrap_err();
        let text = format!("reduction = {reduction}, expected 1 to 4, the channels");
        assert_eq!(error.to_string(), text);
    }
}
