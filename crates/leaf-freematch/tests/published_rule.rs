//! The threshold's and the fairness term's numbers in a small example, worked out with the functions
//! that were published (USB); the term's gradient.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::Random;
use leaf_ssl::{
    HardLabels, Logits, Penalty, PseudoLabeler, Result, Selector, SelfAdaptive, SelfAdaptiveConfig,
    State, Stateful, fairness,
};
use leaf_testkit::{assert_gradients, entries};
use leaf_trial::seen;

const WEAK: [[f32; 3]; 6] = [
    [0.97, 0.01, 0.02],
    [0.10, 0.80, 0.10],
    [0.02, 0.96, 0.02],
    [0.30, 0.30, 0.40],
    [0.60, 0.25, 0.15],
    [0.15, 0.20, 0.65],
];
const STRONG: [[f32; 3]; 6] = [
    [0.7, 0.2, 0.1],
    [0.2, 0.5, 0.3],
    [0.1, 0.3, 0.6],
    [0.6, 0.3, 0.1],
    [0.2, 0.2, 0.6],
    [0.1, 0.8, 0.1],
];

fn logits(probs: &[[f32; 3]; 6]) -> Result<Logits> {
    Logits::new(Tensor::new(probs, &Device::Cpu)?.log()?)
}

fn assert_close(found: &[f32], expected: &[f32]) {
    let close = |(f, e): (&f32, &f32)| (f - e).abs() < 1e-6;
    let mut pairs = found.iter().zip(expected);
    assert!(pairs.all(close), "{found:?} {expected:?}");
}

#[test]
fn a_worked_example() -> Result<()> {
    let config = SelfAdaptiveConfig {
        momentum: 0.9,
        ..SelfAdaptiveConfig::default()
    };
    let mut selector = SelfAdaptive::new(config, 3)?;
    let entry = |name: &str, values: &[f32]| -> Result<(String, Tensor)> {
        Ok((name.to_owned(), Tensor::new(values, &Device::Cpu)?))
    };
    selector.load_state(&State::from([
        entry("time_p", &[0.7])?,
        entry("p_model", &[0.5, 0.3, 0.2])?,
        entry("label_hist", &[0.6, 0.2, 0.2])?,
    ]))?;
    let seen = seen(logits(&WEAK)?.tensor().clone())?;
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    let mask = selector.select(&mut labels, &seen)?;
    assert_eq!(entries(&mask)?, [1., 1., 1., 1., 0., 1.]);
    assert_close(&selector.state()?["time_p"].to_vec1()?, &[0.703]);
    assert_close(selector.average(), &[0.485_666_7, 0.312, 0.202_333_3]);
    let histogram = [0.573_333_3, 0.213_333_3, 0.213_333_3];
    assert_close(selector.histogram(), &histogram);

    let penalty = selector.regularize(&logits(&STRONG)?, &mask)?;
    let Penalty { name, loss, weight } = penalty.expect("faces are kept");
    assert_eq!((name, weight), ("fairness", 0.001));
    assert_close(&[loss.to_scalar()?], &[-1.098_680_6]);
    let nobody = mask.zeros_like()?;
    assert!(selector.regularize(&logits(&STRONG)?, &nobody)?.is_none());
    Ok(())
}

#[test]
fn the_fairness_terms_gradient_agrees_with_differences() -> Result<()> {
    let device = &Device::Cpu;
    let mut random = Random::new(5);
    let strong = random.normal_tensor(0., 2., (9, 4), DType::F64, device)?;
    let strong = Var::from_tensor(&strong)?;
    let mask = Tensor::new(&[1f64, 0., 1., 1., 1., 0., 1., 1., 1.], device)?;
    let (average, histogram) = ([0.4f32, 0.3, 0.2, 0.1], [0.1f32, 0.5, 0.2, 0.2]);
    let loss = || -> Result<Tensor> {
        let strong = Logits::new(strong.as_tensor().clone())?;
        let loss = fairness(&strong, &mask, &average, &histogram)?;
        Ok(loss.expect("faces are kept"))
    };
    assert_gradients(&[("strong", &strong)], loss)?;
    let grads = loss()?.backward()?;
    let grad = grads.get(&strong).expect("a gradient").abs()?.sum(1)?;
    for (gradient, kept) in entries(&grad)?.into_iter().zip(entries(&mask)?) {
        assert_eq!(gradient > 0., kept > 0.);
    }
    Ok(())
}
