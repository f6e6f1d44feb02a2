//! The weights in a small example, worked out with the function that was published (USB), and what the
//! two published orders share.

use candle_core::{Device, Tensor};
use leaf_core::{Alignment, AlignmentTarget};
use leaf_ssl::{
    AverageAlignment, Gaussian, GaussianConfig, HardLabels, Logits, PseudoLabeler, Result,
    Selector, State, Stateful, StatisticsOf,
};
use leaf_testkit::entries;
use leaf_trial::seen;

const PROBS: [[f32; 3]; 6] = [
    [0.97, 0.01, 0.02],
    [0.10, 0.80, 0.10],
    [0.02, 0.96, 0.02],
    [0.30, 0.30, 0.40],
    [0.60, 0.25, 0.15],
    [0.15, 0.20, 0.65],
];

fn config() -> GaussianConfig {
    GaussianConfig {
        momentum: 0.9,
        alignment: None,
        ..GaussianConfig::default()
    }
}

/// The weights and classes of the faces in [`PROBS`], from a mean of .7 and a variance of .04 on.
fn weights(config: GaussianConfig) -> Result<(Gaussian, Vec<f64>, Vec<f64>)> {
    let mut selector = Gaussian::new(config, 3)?;
    let scalar = |value: f32| Tensor::new(&[value], &Device::Cpu);
    selector.load_state(&State::from([
        ("mu".to_owned(), scalar(0.7)?),
        ("var".to_owned(), scalar(0.04)?),
    ]))?;
    let seen = seen(Tensor::new(&PROBS, &Device::Cpu)?.log()?)?;
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    let weights = entries(&selector.select(&mut labels, &seen)?)?;
    Ok((selector, weights, entries(&labels.classes)?))
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let close = |(f, e): (&f64, &f64)| (f - e).abs() < 1e-5;
    let mut pairs = found.iter().zip(expected);
    assert!(pairs.all(close), "{found:?} {expected:?}");
}

fn statistics(selector: &Gaussian) -> Result<[f64; 2]> {
    let state = selector.state()?;
    Ok([entries(&state["mu"])?[0], entries(&state["var"])?[0]])
}

#[test]
fn a_worked_example() -> Result<()> {
    let (selector, weights, _) = weights(config())?;
    assert_close(&statistics(&selector)?, &[0.703, 0.040_952]);
    let expected = [1., 1., 1., 0.011_291, 0.595_640, 0.871_809];
    assert_close(&weights, &expected);
    Ok(())
}

/// In both orders the aligned confidence is weighed and the unaligned prediction labels; the mean and
/// the variance are of one or the other.
#[test]
fn both_published_orders() -> Result<()> {
    let alignment = Alignment {
        target: AlignmentTarget::Given(vec![0.6, 0.3, 0.1]),
        ..Alignment::default()
    };
    let aligned = |statistics: StatisticsOf| GaussianConfig {
        alignment: Some(alignment.clone()),
        statistics,
        ..config()
    };
    let probs = Logits::new(Tensor::new(&PROBS, &Device::Cpu)?.log()?)?.probs()?;
    let after = AverageAlignment::new(&alignment, 3)?.align(&probs)?;
    // Alignment would give the fourth face another label.
    assert_eq!(entries(&probs.classes()?)?, [0., 1., 1., 2., 0., 2.]);
    assert_eq!(entries(&after.classes()?)?, [0., 1., 1., 0., 0., 2.]);
    let confidence = entries(&after.confidence()?)?;
    for (which, weighed) in [
        (StatisticsOf::Aligned, confidence.clone()),
        (StatisticsOf::Unaligned, entries(&probs.confidence()?)?),
    ] {
        let mean = weighed.iter().sum::<f64>() / 6.;
        let squares = weighed.iter().map(|c| (c - mean) * (c - mean));
        let mean = 0.9 * 0.7 + 0.1 * mean;
        let variance = 0.9 * 0.04 + 0.1 * squares.sum::<f64>() / 5.;
        let (selector, found, classes) = weights(aligned(which))?;
        assert_close(&statistics(&selector)?, &[mean, variance]);
        let weight = |c: &f64| (-(c - mean).min(0.).powi(2) * 2. / variance).exp();
        let expected: Vec<f64> = confidence.iter().map(weight).collect();
        assert_close(&found, &expected);
        assert_eq!(classes, entries(&probs.classes()?)?);
    }
    Ok(())
}

#[test]
fn one_face_leaves_the_variance() -> Result<()> {
    let mut selector = Gaussian::new(config(), 3)?;
    let seen = seen(Tensor::new(&[[1f32, 0., 0.]], &Device::Cpu)?)?;
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    assert!(entries(&selector.select(&mut labels, &seen)?)?[0] > 0.);
    assert_eq!(statistics(&selector)?[1], 1.);
    Ok(())
}
