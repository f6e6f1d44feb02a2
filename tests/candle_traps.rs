//! What candle does otherwise than a training library needs, and what this workspace therefore does
//! itself (`docs/candle-notes.md`).
//!
//! Each test holds today's behavior. One that fails after an upgrade of candle brings good news: look
//! up its workaround in the notes and see whether it can go.

use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::{Init, Module, VarBuilder, VarMap};

fn var(values: &[f64]) -> Result<Var> {
    Var::new(values, &Device::Cpu)
}

fn gradient(loss: &Tensor, of: &Var) -> Result<Vec<f64>> {
    let grads = loss.backward()?;
    grads.get(of).expect("a gradient").flatten_all()?.to_vec1()
}

/// An image of one channel: 0, 1, 2, ... row by row.
fn image(size: usize) -> Result<Var> {
    let pixels = Tensor::arange(0f64, (size * size) as f64, &Device::Cpu)?;
    Var::from_tensor(&pixels.reshape((1, 1, size, size))?)
}

#[test]
fn max_pool_divides_its_gradient_by_the_window() -> Result<()> {
    let xs = image(4)?;
    let slopes = gradient(&xs.max_pool2d(2)?.sum_all()?, &xs)?;
    assert_eq!(
        slopes.iter().sum::<f64>(),
        1.,
        "4 windows, each should give 1"
    );
    Ok(())
}

#[test]
fn max_pool_with_another_stride_has_no_gradient() -> Result<()> {
    let pooled = image(5)?.max_pool2d_with_stride(3, 2)?;
    assert!(pooled.sum_all()?.backward().is_err());
    Ok(())
}

#[test]
fn average_pool_leaks_into_cells_that_no_window_covers() -> Result<()> {
    let xs = image(5)?;
    let slopes = gradient(&xs.avg_pool2d(2)?.sum_all()?, &xs)?;
    assert_ne!(slopes[24], 0., "the last cell is in no window");
    Ok(())
}

#[test]
fn scatter_add_takes_the_gradient_of_its_start() -> Result<()> {
    let start = var(&[1., 2., 3.])?;
    let index = Tensor::new(&[1u32, 1, 1], &Device::Cpu)?;
    let source = Tensor::new(&[5f64, 6., 7.], &Device::Cpu)?;
    let ys = start.scatter_add(&index, &source, 0)?;
    assert_eq!(
        gradient(&ys.sum_all()?, &start)?,
        [1., 0., 1.],
        "should be 1, 1, 1"
    );
    let ys = start.scatter(&index, &source, 0)?;
    assert_eq!(
        gradient(&ys.sum_all()?, &start)?,
        [1., 1., 1.],
        "should be 1, 0, 1"
    );
    Ok(())
}

#[test]
fn fused_operations_stop_gradients_in_silence() -> Result<()> {
    let xs = Var::new(&[[1f32, 2., 3.]], &Device::Cpu)?;
    let ys = candle_nn::ops::softmax_last_dim(&xs)?;
    assert!(ys.sqr()?.sum_all()?.backward()?.get(&xs).is_none());
    let ys = candle_nn::ops::softmax(&xs, D::Minus1)?;
    assert!(ys.sqr()?.sum_all()?.backward()?.get(&xs).is_some());
    let ones = Tensor::ones(3, DType::F32, &Device::Cpu)?;
    let norm = candle_nn::LayerNorm::new(ones.clone(), ones, 1e-5);
    let ys = norm.forward(&xs)?;
    assert!(ys.sqr()?.sum_all()?.backward()?.get(&xs).is_none());
    Ok(())
}

#[test]
fn the_root_of_zero_has_no_finite_slope() -> Result<()> {
    let xs = var(&[0., 0.])?;
    let length = xs.sqr()?.sum_all()?.sqrt()?;
    assert!(gradient(&length, &xs)?.iter().all(|slope| slope.is_nan()));
    Ok(())
}

#[test]
fn an_unused_branch_leaks_what_is_not_a_number() -> Result<()> {
    let xs = var(&[0., 4.])?;
    let zeros = xs.zeros_like()?;
    let ys = xs.gt(0.)?.where_cond(&xs.log()?.sqr()?, &zeros)?;
    assert!(gradient(&ys.sum_all()?, &xs)?[0].is_nan());
    Ok(())
}

#[test]
fn log_sum_exp_of_excluded_scores_is_not_a_number() -> Result<()> {
    let row = |fill: f64| Tensor::full(fill, (1, 3), &Device::Cpu)?.log_sum_exp(1);
    assert!(row(f64::NEG_INFINITY)?.to_vec1::<f64>()?[0].is_nan());
    assert!(row(-1e30)?.to_vec1::<f64>()?[0].is_finite());
    Ok(())
}

#[test]
fn softmax_of_no_rows_is_refused() -> Result<()> {
    let none = Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?;
    assert!(candle_nn::ops::softmax(&none, 1).is_err());
    assert!(none.mean_all()?.to_scalar::<f32>()?.is_nan());
    Ok(())
}

#[test]
fn the_cpu_generator_cannot_be_seeded() {
    assert!(Device::Cpu.set_seed(1).is_err());
}

#[test]
fn batch_norm_of_a_detached_view_keeps_old_statistics() -> Result<()> {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let trained = candle_nn::batch_norm(2, 1e-5, vb)?;
    let views = vars
        .data()
        .lock()
        .expect("no panic elsewhere")
        .iter()
        .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
        .collect();
    let vb = VarBuilder::from_tensors(views, DType::F32, &Device::Cpu);
    let viewed = candle_nn::batch_norm(2, 1e-5, vb)?;
    let xs = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
    trained.forward_train(&xs)?;
    assert_ne!(trained.running_mean().to_vec1::<f32>()?, [0., 0.]);
    assert_eq!(viewed.running_mean().to_vec1::<f32>()?, [0., 0.]);
    Ok(())
}

#[test]
fn default_weights_are_wider_than_those_of_pytorch() -> Result<()> {
    let vars = VarMap::new();
    let vb = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let weight = candle_nn::linear(512, 256, vb)?.weight().clone();
    let std = weight.sqr()?.mean_all()?.to_scalar::<f32>()?.sqrt();
    let pytorch = (1f32 / (3. * 512.)).sqrt();
    assert!((std / pytorch - 2.45).abs() < 0.1, "{}", std / pytorch);
    Ok(())
}

#[test]
fn everything_that_touches_a_variable_is_recorded() -> Result<()> {
    let weight = VarMap::new().get(2, "weight", Init::Const(1.), DType::F32, &Device::Cpu)?;
    assert!(weight.sqr()?.track_op());
    assert!(!weight.detach().sqr()?.track_op());
    Ok(())
}
