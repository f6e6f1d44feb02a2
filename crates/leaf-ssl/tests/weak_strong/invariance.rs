//! The distance between views' fused features as a term of the loss.

use leaf_core::{ContrastiveConfig, MixtureConfig};
use leaf_ssl::CONFIDENCE;
use leaf_testkit::assert_gradients;

use super::*;

fn compared(leaf: LeafConfig, weight: f64) -> LeafConfig {
    LeafConfig {
        invariance_weight: weight,
        ..leaf
    }
}

/// Experts that differ from the identity at once, so that gates matter.
fn distinct() -> MixtureConfig {
    MixtureConfig {
        zero_init: false,
        ..MixtureConfig::default()
    }
}

fn total(losses: &Losses) -> Result<f64> {
    Ok(entries(&losses.total)?[0])
}

/// `mean 2 (1 - cos)` of weak and strong features; without mixtures they are the encoder's.
fn by_hand(network: &Model<Dense>, batch: &Batch) -> Result<f64> {
    let encode =
        |xs: &Tensor| Ok::<_, leaf_ssl::Error>(network.encode(xs, Mode::Eval)?.to_vec2::<f64>()?);
    let strong = encode(&batch.unlabeled.strong[0])?;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut distances = Vec::new();
    for weak in &batch.unlabeled.weak {
        for (weak, strong) in encode(weak)?.iter().zip(&strong) {
            let cosine = dot(weak, strong) / (dot(weak, weak) * dot(strong, strong)).sqrt();
            distances.push(2. * (1. - cosine));
        }
    }
    Ok(distances.iter().sum::<f64>() / distances.len() as f64)
}

#[test]
fn is_the_mean_distance_to_each_weak_view() -> Result<()> {
    let parameters = Parameters::new(0);
    let network = network(&parameters, &LeafConfig::off())?;
    let batch = batch(2)?;
    let expected = by_hand(&network, &batch)?;
    for forward in [ForwardPlan::Concatenated, ForwardPlan::Separate] {
        let run = |weight: f64| -> Result<Losses> {
            let leaf = LeafConfig {
                forward,
                ..LeafConfig::off()
            };
            let config = WeakStrongConfig {
                weak_views: 2,
                ..WeakStrongConfig::new(1., &compared(leaf, weight))
            };
            let mut algorithm = WeakStrong::new(
                "FixMatch",
                HardLabels::new(None, CLASSES)?,
                FixedThreshold::new(0.2)?,
                CrossEntropy,
                config,
            )?;
            loss(&mut algorithm, &network, &batch)
        };
        let losses = run(0.3)?;
        let (name, term) = losses.terms.last().expect("a term");
        let found = entries(term)?[0];
        assert_eq!(*name, "invariance");
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        let off = run(0.)?;
        assert!(off.terms.iter().all(|(name, _)| *name != "invariance"));
        let added = total(&losses)? - total(&off)?;
        assert!((added - 0.3 * expected).abs() < 1e-12, "{added}");
    }
    Ok(())
}

/// No face is accepted, so that nothing but the labelled faces and the distance is left to differ.
#[test]
fn both_views_get_its_gradient() -> Result<()> {
    for forward in [ForwardPlan::Concatenated, ForwardPlan::Separate] {
        let leaf = LeafConfig {
            forward,
            semantic: Some(distinct()),
            ..compared(LeafConfig::off(), 0.7)
        };
        let weak = Var::from_tensor(&normal(2, 9, 4)?)?;
        let strong = Var::from_tensor(&normal(9, 9, 4)?)?;
        let mut faces = batch(1)?;
        faces.unlabeled.weak = vec![weak.as_tensor().clone()];
        faces.unlabeled.strong = vec![strong.as_tensor().clone()];
        let parameters = Parameters::new(0);
        let total = || -> Result<Tensor> {
            // The gate's noise is the same each time.
            let network = network(&parameters, &leaf)?;
            Ok(loss(&mut fix_match(1., &leaf)?, &network, &faces)?.total)
        };
        total()?;
        let all = parameters.trainable();
        let mut vars: Vec<(&str, &Var)> =
            all.iter().map(|(name, var)| (name.as_str(), var)).collect();
        vars.extend([("weak", &weak), ("strong", &strong)]);
        assert_gradients(&vars, total)?;
    }
    Ok(())
}

#[test]
fn predictions_of_weak_views_stay_free_of_noise() -> Result<()> {
    let parameters = Parameters::new(0);
    let confidence = |weight: f64| -> Result<f64> {
        let leaf = LeafConfig {
            semantic: Some(distinct()),
            dropout: 0.3,
            ..compared(LeafConfig::robust(), weight)
        };
        let network = network(&parameters, &leaf)?;
        let losses = loss(&mut fix_match(0.2, &leaf)?, &network, &batch(1)?)?;
        Ok(diagnostic(&losses, CONFIDENCE))
    };
    assert_eq!(confidence(0.)?, confidence(1.)?);
    Ok(())
}

/// Where a contrastive loss trains the weak rows already, the same pass is compared.
#[test]
fn weak_rows_that_are_trained_on_pass_the_head_once() -> Result<()> {
    let parameters = Parameters::new(0);
    let leaf = LeafConfig {
        contrastive: Some(ContrastiveConfig::default()),
        semantic: Some(distinct()),
        dropout: 0.3,
        ..compared(LeafConfig::off(), 1.)
    };
    let network = network(&parameters, &leaf)?;
    let mut faces = batch(2)?;
    faces.unlabeled.strong = vec![faces.unlabeled.weak[0].clone()];
    let losses = loss(&mut fix_match(1., &leaf)?, &network, &faces)?;
    let found = losses.terms.iter().find(|(name, _)| *name == "invariance");
    let (_, term) = found.expect("a term");
    // Dropout differs between the passes, and so do the features of the same face.
    assert!(entries(term)?[0] > 0.);
    assert!(losses.terms.iter().any(|(name, _)| *name == "contrastive"));
    Ok(())
}

#[test]
fn a_negative_weight_is_refused() -> Result<()> {
    let error = fix_match(0.9, &compared(LeafConfig::off(), -1.)).unwrap_err();
    assert!(
        error.to_string().contains("invariance_weight = -1"),
        "{error}"
    );
    Ok(())
}
