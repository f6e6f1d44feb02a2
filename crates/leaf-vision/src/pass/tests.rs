//! Every layer by the kernels, on every instruction set, against the same layer by candle's operations
//! in f64.

use candle_core::{Device, Var};
use leaf_core::Random;
use proptest::prelude::*;

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

/// That many random cases, unless `PROPTEST_CASES` says otherwise.
fn cases(usual: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(usual),
    }
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

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn convolutions_equal_their_twin(
        images in 1usize..4,
        (group_channels, group_outputs) in (1usize..20, 1usize..40),
        groups in 1usize..4,
        (height, width) in (1usize..14, 1usize..14),
        (kernel_height, kernel_width) in (1usize..5, 1usize..5),
        stride in 1usize..4,
        padding in 0usize..4,
        dilation in 1usize..3,
        bias: bool,
        seed: u64,
    ) {
        let config = Conv2dConfig { stride, padding, dilation, groups, bias };
        let fits = |size: usize, kernel| config.out_size(size, kernel).is_ok();
        prop_assume!(fits(height, kernel_height) && fits(width, kernel_width));
        let outputs = group_outputs * groups;
        let mut inputs = vec![
            draw(seed, &[images, group_channels * groups, height, width])?,
            draw(!seed, &[outputs, group_channels, kernel_height, kernel_width])?,
        ];
        if bias {
            inputs.push(draw(seed ^ 3, &[outputs])?);
        }
        check(&inputs, &convolution(&config), 1e-5)?;
    }

    #[test]
    fn three_by_three_convolutions_equal_their_twin(
        images in 1usize..6,
        (channels, outputs) in (30usize..70, 30usize..70),
        (height, width) in (5usize..15, 5usize..15),
        seed: u64,
    ) {
        let config = Conv2dConfig { padding: 1, ..Default::default() };
        let inputs = [
            draw(seed, &[images, channels, height, width])?,
            draw(!seed, &[outputs, channels, 3, 3])?,
        ];
        check(&inputs, &convolution(&config), 3e-5)?;
    }

    #[test]
    fn normalizations_equal_their_twin(
        images in 2usize..5,
        channels in 1usize..80,
        (height, width) in (1usize..9, 1usize..9),
        shift in -20f64..20.,
        (frozen, residual) in (any::<bool>(), any::<bool>()),
        slope in prop::sample::select(vec![0f32, 0.1, 1.]),
        seed: u64,
    ) {
        let shape = [images, channels, height, width];
        let xs = ((draw(seed, &shape)? * 3.)? + shift)?;
        let mut inputs = vec![xs, draw(!seed, &[channels])?, draw(seed ^ 5, &[channels])?];
        if residual {
            inputs.push(draw(seed ^ 6, &[channels])?);
        }
        let config = BatchNormConfig { eps: 1e-2, frozen, ..Default::default() };
        let running = [
            Var::from_tensor(&draw(seed ^ 7, &[channels])?.to_dtype(DType::F64)?)?,
            Var::from_tensor(&draw(seed ^ 8, &[channels])?.sqr()?.to_dtype(DType::F64)?)?,
        ];
        let activation = match slope {
            1. => Activation::Identity,
            0. => Activation::Relu,
            slope => Activation::LeakyRelu(slope),
        };
        let network = |vars: &[Var], pass: &mut Pass, xs: &Map| {
            let dtype = vars[0].dtype();
            let own = |var: &Var| Ok::<_, crate::Error>(Var::from_tensor(&var.to_dtype(dtype)?)?);
            let norm = |bias: &Var, config: &BatchNormConfig| {
                let (weight, bias) = (vars[1].as_tensor().clone(), bias.as_tensor().clone());
                BatchNorm2d::new(weight, bias, own(&running[0])?, own(&running[1])?, config.clone())
            };
            let layer = norm(&vars[2], &config)?;
            // A residual that comes from the same map: two gradients are added up.
            let other = match vars.get(3) {
                Some(bias) => Some(pass.normalize(xs, &norm(bias, &config)?, None, Activation::Identity)?),
                None => None,
            };
            pass.normalize(xs, &layer, other.as_ref(), activation)
        };
        // Rounding decides about numbers at the rectifier's edge: those cases are not compared.
        prop_assume!(slope == 1. || clear_of_zero(&inputs, &network)?);
        check(&inputs, &network, 1e-4)?;
    }

    #[test]
    fn pools_equal_their_twin(
        images in 1usize..3,
        channels in 1usize..80,
        (height, width) in (1usize..12, 1usize..12),
        kernel in 1usize..5,
        stride in 1usize..4,
        padding in 0usize..3,
        seed: u64,
    ) {
        prop_assume!(Window::new((height, width), kernel, stride, padding).is_ok());
        let inputs = [draw(seed, &[images, channels, height, width])?];
        let network = |_: &[Var], pass: &mut Pass, xs: &Map| pass.max_pool2d(xs, kernel, stride, padding);
        check(&inputs, &network, 1e-6)?;
    }
}

use crate::max_pool2d::Window;

/// Whether no output is so small that rounding could have decided its sign.
fn clear_of_zero(inputs: &[Tensor], network: &Network<'_>) -> Result<bool> {
    let outputs = &plain(inputs, network)?[0];
    Ok(outputs.iter().all(|y| *y == 0. || y.abs() > 1e-4))
}

/// What a residual network is made of.
fn block(vars: &[Var], pass: &mut Pass, xs: &Map) -> Result<Map> {
    let conv = |var: &Var, stride, padding| {
        let config = Conv2dConfig {
            stride,
            padding,
            ..Default::default()
        };
        Conv2d::new(var.as_tensor().clone(), None, config)
    };
    let norm = |weight: &Var, bias: &Var| {
        let channels = weight.elem_count();
        let running = |value: f64| {
            Var::from_tensor(
                &Tensor::full(value, channels, &Device::Cpu)?.to_dtype(weight.dtype())?,
            )
        };
        BatchNorm2d::new(
            weight.as_tensor().clone(),
            bias.as_tensor().clone(),
            running(0.)?,
            running(1.)?,
            BatchNormConfig::default(),
        )
    };
    let norm = norm(&vars[4], &vars[5])?;
    let stem = (&conv(&vars[1], 1, 1)?, &norm);
    let xs = pass.convolve_normalize(xs, stem, None, Activation::Relu)?;
    let same = (&conv(&vars[2], 1, 1)?, &norm);
    let ys = pass.convolve_normalize(&xs, same, Some(&xs), Activation::LeakyRelu(0.1))?;
    let down = (&conv(&vars[3], 2, 0)?, &norm);
    pass.convolve_normalize(&ys, down, None, Activation::Identity)
}

fn block_inputs() -> Result<Vec<Tensor>> {
    Ok(vec![
        draw(1, &[3, 3, 9, 10])?,
        draw(2, &[33, 3, 3, 3])?,
        (draw(3, &[33, 33, 3, 3])? * 0.1)?,
        draw(4, &[33, 33, 1, 1])?,
        draw(5, &[33])?,
        draw(6, &[33])?,
    ])
}

#[test]
fn layers_compose() -> Result<()> {
    let inputs = block_inputs()?;
    check(&inputs, &block, 1e-3)
}

/// So many channels and tiles that F(4x4, 3x3) goes through its phases one after the other.
#[test]
fn wide_convolutions_equal_their_twin() -> Result<()> {
    let config = Conv2dConfig {
        padding: 1,
        ..Default::default()
    };
    let inputs = [draw(1, &[3, 131, 37, 39])?, draw(2, &[141, 131, 3, 3])?];
    check(&inputs, &convolution(&config), 3e-5)
}

#[test]
fn the_number_of_threads_changes_no_bit() -> Result<()> {
    let inputs = block_inputs()?;
    for plan in plans() {
        let run = |threads: usize| -> Result<Results> {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("a pool")
                .install(|| by_kernels(&inputs, plan, &block))
        };
        let one = run(1)?;
        assert_eq!(one, run(2)?, "{plan:?}");
        assert_eq!(one, run(3)?, "{plan:?}");
    }
    Ok(())
}

#[test]
fn evaluation_in_one_operation_equals_its_parts() -> Result<()> {
    let inputs = block_inputs()?;
    for plan in plans() {
        let output =
            |dtype: DType, begin: &dyn Fn(&Tensor) -> Result<(Pass, Map)>| -> Result<Vec<f64>> {
                let vars: Vec<Var> = inputs
                    .iter()
                    .map(|t| Ok(Var::from_tensor(&t.to_dtype(dtype)?)?))
                    .collect::<Result<_>>()?;
                let (mut pass, xs) = begin(vars[0].as_tensor())?;
                let ys = block(&vars, &mut pass, &xs)?;
                let ys = pass.finish(&ys)?;
                assert!(!ys.track_op());
                Ok(ys.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
            };
        let ours = output(DType::F32, &|xs| Pass::with_plan(xs, Mode::Eval, plan))?;
        let twin = output(DType::F64, &|xs| {
            Ok((Pass::plain(Mode::Eval), Map(Pixels::Plain(xs.detach()))))
        })?;
        let worst = difference(&vec![ours], &vec![twin]);
        assert!(worst < 1e-5, "{plan:?}: {worst}");
    }
    Ok(())
}

#[test]
fn a_second_backward_pass_says_what_to_do() -> Result<()> {
    let xs = Var::from_tensor(&draw(1, &[1, 2, 4, 4])?)?;
    let ys = crate::max_pool2d(&xs, 2, 2, 0)?.sum_all()?;
    ys.backward()?;
    let error = ys.backward().unwrap_err().to_string();
    assert!(error.contains("run backward before"), "{error}");
    Ok(())
}

#[test]
fn images_alone_pass_unchanged() -> Result<()> {
    let xs = draw(1, &[1, 2, 4, 4])?;
    let (pass, map) = Pass::begin(&xs, Mode::Train)?;
    assert_eq!(map.dims(), [1, 2, 4, 4]);
    let ys = pass.finish(&map)?;
    assert_eq!(
        ys.flatten_all()?.to_vec1::<f32>()?,
        xs.flatten_all()?.to_vec1::<f32>()?
    );
    Ok(())
}

#[test]
fn sums_and_own_layers_equal_their_twin() -> Result<()> {
    let inputs = [
        draw(1, &[2, 5, 3, 4])?,
        draw(2, &[5])?,
        draw(3, &[6, 5, 1, 1])?,
    ];
    let network = |vars: &[Var], pass: &mut Pass, xs: &Map| {
        let own = pass.apply(xs, &[vars[1].as_tensor()], |xs, parameters| {
            Ok(xs
                .broadcast_mul(&parameters[0].reshape((1, (), 1, 1))?)?
                .tanh()?)
        })?;
        let sum = pass.add(xs, &own)?;
        let sum = pass.add(&sum, &sum)?;
        let conv = Conv2d::new(vars[2].as_tensor().clone(), None, Conv2dConfig::default())?;
        pass.convolve(&sum, &conv)
    };
    check(&inputs, &network, 1e-5)
}

#[test]
fn parameters_that_nothing_reads_get_a_gradient_of_zero() -> Result<()> {
    let inputs = [draw(1, &[2, 5, 3, 4])?, draw(2, &[5])?];
    let network = |vars: &[Var], pass: &mut Pass, xs: &Map| {
        let ys = pass.unread(xs, &[vars[1].as_tensor()])?;
        pass.add(&ys, &ys)
    };
    check(&inputs, &network, 1e-6)?;
    assert_eq!(plain(&inputs, &network)?[2], [0.; 5]);
    Ok(())
}

#[test]
fn sums_of_other_shapes_are_refused() -> Result<()> {
    let (mut pass, xs) = Pass::begin(&draw(1, &[1, 2, 4, 4])?, Mode::Eval)?;
    let half = pass.max_pool2d(&xs, 2, 2, 0)?;
    let error = pass.add(&xs, &half).unwrap_err().to_string();
    assert_eq!(
        error,
        "second map of a sum has shape [1, 2, 2, 2], expected [1, 2, 4, 4]"
    );
    Ok(())
}

#[test]
fn maps_of_another_pass_are_refused() -> Result<()> {
    let xs = draw(1, &[1, 2, 4, 4])?;
    let (mut first, map) = Pass::begin(&xs, Mode::Train)?;
    let pooled = first.max_pool2d(&map, 2, 2, 0)?;
    let (mut second, own) = Pass::begin(&draw(2, &[1, 2, 4, 4])?, Mode::Train)?;
    let error = second.max_pool2d(&pooled, 2, 2, 0).unwrap_err();
    assert!(matches!(error, crate::Error::OtherPass), "{error}");
    second.max_pool2d(&own, 2, 2, 0)?;
    let error = second.max_pool2d(&map, 2, 2, 0).unwrap_err();
    assert!(matches!(error, crate::Error::OtherPass), "{error}");
    Ok(())
}
