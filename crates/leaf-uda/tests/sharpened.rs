//! UDA's loss: only the label is sharpened, and the gradient is the formula's.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::Random;
use leaf_ssl::{
    CrossEntropy, FixedThreshold, Logits, PseudoLabeler, Result, Selector, SoftLabels,
    UnlabeledFaces, UnlabeledLoss,
};
use leaf_testkit::{assert_gradients, entries};
use leaf_trial::seen;

const FACES: usize = 6;
const CLASSES: usize = 4;

fn normal(seed: u64, deviation: f64) -> Result<Tensor> {
    let shape = (FACES, CLASSES);
    let mut random = Random::new(seed);
    Ok(random.normal_tensor(0., deviation, shape, DType::F64, &Device::Cpu)?)
}

/// The weights and losses of six faces whose strong logits are given.
fn losses(temperature: f64, strong: &Tensor) -> Result<(Vec<f64>, Tensor)> {
    let seen = seen(normal(1, 4.)?)?;
    let mut labels = SoftLabels::new(temperature)?.label(&seen)?;
    let weights = FixedThreshold::new(0.8)?.select(&mut labels, &seen)?;
    let faces = UnlabeledFaces {
        seen: &seen,
        strong: &Logits::new(strong.clone())?,
        labels: &labels,
        weights: &weights,
    };
    Ok((entries(&weights)?, CrossEntropy.losses(&faces)?.losses))
}

/// `softmax(z / T)` of one row.
fn softmax(row: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = row.iter().map(|z| (z / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[test]
fn only_the_label_is_sharpened() -> Result<()> {
    let (weak, strong) = (
        normal(1, 4.)?.to_vec2::<f64>()?,
        normal(2, 1.)?.to_vec2::<f64>()?,
    );
    let (plain, _) = losses(1., &normal(2, 1.)?)?;
    assert!(plain.contains(&0.) && plain.contains(&1.), "{plain:?}");
    for temperature in [0.2, 0.4, 1., 2.] {
        let (weights, found) = losses(temperature, &normal(2, 1.)?)?;
        assert_eq!(weights, plain, "the temperature changed the selection");
        for (face, found) in entries(&found)?.into_iter().enumerate() {
            let label = softmax(&weak[face], temperature);
            let prediction = softmax(&strong[face], 1.);
            let pairs = label.iter().zip(&prediction);
            let loss: f64 = pairs.map(|(q, p)| -q * p.ln()).sum();
            assert!((found - weights[face] * loss).abs() < 1e-12);
        }
    }
    Ok(())
}

#[test]
fn gradients_agree_with_differences() -> Result<()> {
    let strong = Var::from_tensor(&normal(2, 1.)?)?;
    assert_gradients(&[("strong", &strong)], || -> Result<Tensor> {
        let (_, losses) = losses(0.4, &strong)?;
        Ok(losses.mean_all()?)
    })
}
