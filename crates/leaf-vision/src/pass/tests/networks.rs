//! Several layers in one pass.

use super::*;

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

/// A layer that lives on keeps its packed weights: a weight that is set in place must reach them.
#[test]
fn weights_that_change_in_place_are_seen() -> Result<()> {
    let config = Conv2dConfig {
        padding: 1,
        ..Default::default()
    };
    for plan in plans() {
        let weight = Var::from_tensor(&draw(1, &[40, 33, 3, 3])?)?;
        let layer = Conv2d::new(weight.as_tensor().clone(), None, config.clone())?;
        for seed in [1, 2, 2, 3] {
            weight.set(&draw(seed, &[40, 33, 3, 3])?)?;
            let inputs = [draw(9, &[2, 33, 9, 8])?];
            let lasting = |_: &[Var], pass: &mut Pass, xs: &Map| pass.convolve(xs, &layer);
            let fresh = |_: &[Var], pass: &mut Pass, xs: &Map| {
                let layer = Conv2d::new(draw(seed, &[40, 33, 3, 3])?, None, config.clone())?;
                pass.convolve(xs, &layer)
            };
            let ours = by_kernels(&inputs, plan, &lasting)?;
            assert_eq!(ours, by_kernels(&inputs, plan, &fresh)?, "{plan:?}");
        }
    }
    Ok(())
}
