//! Every layer by the kernels, on every instruction set, against the same layer by candle's operations
//! in f64.

use candle_core::{Device, Var};
use leaf_core::Random;

mod layers;
mod networks;
mod refusals;

use super::*;
use crate::batch_norm::{BatchNorm2d, BatchNormConfig};
use crate::conv2d::{Conv2d, Conv2dConfig};
use crate::kernels::simd::InstructionSet;

/// Output and all gradients, as f64.
type Results = Vec<Vec<f64>>;

/// Numbers that f32 has exactly.
fn draw(seed: u64, shape: &[usize]) -> Result<Tensor> {
    let values = Random::new(seed).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu);
    Ok(values.expect("random numbers"))
}

/// A network's output from the images and parameters, all variables.
type Network<'a> = dyn Fn(&[Var], &mut Pass, &Map) -> Result<Map> + 'a;

fn run(
    inputs: &[Tensor],
    dtype: DType,
    begin: impl Fn(&Tensor) -> Result<(Pass, Map)>,
    network: &Network<'_>,
) -> Result<Results> {
    let vars: Vec<Var> = inputs
        .iter()
        .map(|tensor| Ok(Var::from_tensor(&tensor.to_dtype(dtype)?)?))
        .collect::<Result<_>>()?;
    let (mut pass, xs) = begin(vars[0].as_tensor())?;
    let ys = network(&vars, &mut pass, &xs)?;
    let ys = pass.finish(&ys)?;
    let cotangent = draw(77, ys.dims())?.to_dtype(dtype)?;
    let gradients = (&ys * cotangent)?.sum_all()?.backward()?;
    let mut all = vec![ys.clone()];
    for var in &vars {
        all.push(gradients.get(var).cloned().expect("a gradient"));
    }
    let values = all.iter();
    values
        .map(|t| Ok(t.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?))
        .collect()
}

fn plain(inputs: &[Tensor], network: &Network<'_>) -> Result<Results> {
    let begin = |xs: &Tensor| {
        let map = Map(Pixels::Plain(xs.clone()));
        Ok((Pass::plain(Mode::Train), map))
    };
    run(inputs, DType::F64, begin, network)
}

fn by_kernels(inputs: &[Tensor], plan: Plan, network: &Network<'_>) -> Result<Results> {
    let begin = |xs: &Tensor| Pass::with_plan(xs, Mode::Train, plan);
    run(inputs, DType::F32, begin, network)
}

fn plans() -> impl Iterator<Item = Plan> {
    let sets = InstructionSet::available().into_iter();
    sets.filter_map(Isa::of)
        .flat_map(|isa| [false, true].map(|winograd| Plan { isa, winograd }))
}

/// The largest difference of two results, as a share of the largest entry of each tensor.
fn difference(ours: &Results, twins: &Results) -> f64 {
    assert_eq!(ours.len(), twins.len());
    let tensors = ours.iter().zip(twins).map(|(ours, twins)| {
        assert_eq!(ours.len(), twins.len());
        let largest = twins.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        let worst = ours.iter().zip(twins).map(|(a, b)| (a - b).abs());
        worst.fold(0f64, |m, v| if v.is_nan() { f64::NAN } else { m.max(v) }) / largest
    });
    tensors.fold(0., |m, v| if v.is_nan() { f64::NAN } else { m.max(v) })
}

/// Fails unless all plans agree with the twin.
fn check(inputs: &[Tensor], network: &Network<'_>, tolerance: f64) -> Result<()> {
    let twins = plain(inputs, network)?;
    for plan in plans() {
        let ours = by_kernels(inputs, plan, network)?;
        let worst = difference(&ours, &twins);
        assert!(
            worst < tolerance,
            "{plan:?}: {worst}, inputs {:?}",
            inputs.iter().map(|t| t.dims().to_vec()).collect::<Vec<_>>()
        );
    }
    Ok(())
}

fn convolution<'a>(
    config: &'a Conv2dConfig,
) -> impl Fn(&[Var], &mut Pass, &Map) -> Result<Map> + 'a {
    |vars, pass, xs| {
        let bias = vars.get(2).map(|bias| bias.as_tensor().clone());
        let layer = Conv2d::new(vars[1].as_tensor().clone(), bias, config.clone())?;
        pass.convolve(xs, &layer)
    }
}
