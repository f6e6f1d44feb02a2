//! One layer at a time.

use proptest::prelude::*;

use super::*;
use crate::max_pool2d::{Window, tests::permutation};

/// That many random cases, unless `PROPTEST_CASES` says otherwise.
fn cases(usual: u32) -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(usual),
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
        // Of two numbers a channel the normalized ones are always near -1 and 1: the terms of their
        // gradient cancel almost wholly, and what is left has few digits in f32.
        prop_assume!(images * height * width > 2);
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
        let network = |activation| normalization(&config, &running, activation);
        // Rounding decides about numbers at the rectifier's edge: those cases are not compared.
        prop_assume!(slope == 1. || clear_of_zero(&inputs, &network(Activation::Identity))?);
        check(&inputs, &network(activation), 1e-4)?;
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
        // Equal values would share the twin's gradient.
        let xs = permutation(seed, (images, channels, height, width))?;
        let inputs = [xs.to_dtype(DType::F32)?];
        let network = |_: &[Var], pass: &mut Pass, xs: &Map| pass.max_pool2d(xs, kernel, stride, padding);
        check(&inputs, &network, 1e-6)?;
    }
}

/// A norm of the map, plus another one if there is a third parameter, its bias.
fn normalization<'a>(
    config: &'a BatchNormConfig,
    running: &'a [Var; 2],
    activation: Activation,
) -> impl Fn(&[Var], &mut Pass, &Map) -> Result<Map> + 'a {
    move |vars, pass, xs| {
        let norm = |bias: &Var| {
            let [mean, variance] = running.each_ref().map(|var| var.to_dtype(bias.dtype()));
            let (weight, bias) = (vars[1].as_tensor().clone(), bias.as_tensor().clone());
            let (mean, variance) = (Var::from_tensor(&mean?)?, Var::from_tensor(&variance?)?);
            BatchNorm2d::new(weight, bias, mean, variance, config.clone())
        };
        // A residual that comes from the same map: two gradients are added up.
        let other = match vars.get(3) {
            Some(bias) => Some(pass.normalize(xs, &norm(bias)?, None, Activation::Identity)?),
            None => None,
        };
        pass.normalize(xs, &norm(&vars[2])?, other.as_ref(), activation)
    }
}

/// Whether no output is so small that rounding could have decided its sign.
fn clear_of_zero(inputs: &[Tensor], network: &Network<'_>) -> Result<bool> {
    let outputs = &plain(inputs, network)?[0];
    Ok(outputs.iter().all(|y| y.abs() > 3e-5))
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
