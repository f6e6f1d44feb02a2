//! Pseudo-Label, plain and with LEAF's aggregation.

use candle_core::Tensor;
use leaf_core::{LeafConfig, Mode, cross_entropy};
use leaf_pseudo_label::{PseudoLabel, PseudoLabelConfig};
use leaf_ssl::{Algorithm, Context, Logits, Result, Step, Views, linear_ramp};
use leaf_testkit::entries;
use leaf_trial::{
    ByHand, STEPS, Shift, Trial, UNLABELED, assert_encoder_follows, assert_every_face_counts,
    assert_learns_above_threshold, assert_off_is_plain, assert_only_accepted_faces_teach,
    assert_refuses, assert_trainer, batch, refusal, task, term,
};

fn with_threshold(threshold: f64, leaf: LeafConfig) -> Result<PseudoLabel> {
    let config = PseudoLabelConfig {
        threshold,
        ..PseudoLabelConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

/// Accepts some of the faces that an untrained network is shown.
fn low_threshold(leaf: LeafConfig) -> Result<PseudoLabel> {
    with_threshold(0.2, leaf)
}

/// The published rule, written by hand.
fn by_hand() -> impl Algorithm {
    let views = Views {
        weak: 1,
        ..Views::NONE
    };
    ByHand::new(views, |context, batch, step| {
        let logits = |images: &Tensor, mode| -> Result<Tensor> {
            Ok(context.student.forward(images, mode)?.logits)
        };
        let labeled = logits(&batch.labeled.images, Mode::Train)?;
        let weak = logits(&batch.unlabeled.weak[0], Mode::FrozenStatistics)?;
        let supervised = cross_entropy(&labeled, &batch.labeled.labels)?.mean_all()?;
        let probs = Logits::new(weak.detach())?.probs()?;
        let mask = probs.confidence()?.ge(0.2)?.to_dtype(weak.dtype())?;
        let unlabeled = (cross_entropy(&weak, &probs.classes()?)? * mask)?.mean_all()?;
        let ramped = (unlabeled * linear_ramp(step, 0.4))?;
        Ok(((supervised * 1.)? + ramped)?)
    })
}

#[test]
fn leaf_switched_off_equals_the_rule_by_hand_bit_for_bit() -> Result<()> {
    assert_off_is_plain(by_hand(), low_threshold)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(low_threshold)
}

#[test]
fn faces_above_the_threshold_are_learned_from() -> Result<()> {
    assert_every_face_counts(|leaf| with_threshold(0., leaf))?;
    assert_learns_above_threshold(|leaf| with_threshold(0., leaf))?;
    assert_encoder_follows(
        |leaf| with_threshold(0., leaf),
        |leaf| {
            let silent = PseudoLabelConfig {
                threshold: 0.,
                lambda_u: 0.,
                ..PseudoLabelConfig::default()
            };
            silent.with_leaf(leaf).build(&task())
        },
    )
}

#[test]
fn rejected_faces_have_no_gradient() -> Result<()> {
    assert_only_accepted_faces_teach(low_threshold)
}

#[test]
fn the_weight_grows_from_0() -> Result<()> {
    let leaf = LeafConfig::off();
    let mut algorithm = low_threshold(leaf.clone())?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let mut weighted = |index| -> Result<f64> {
        let losses = trial.losses(&mut algorithm, &batch, index)?;
        Ok(entries(&losses.total)?[0] - term(&losses, "supervised")?)
    };
    let (start, half, full) = (weighted(0)?, weighted(2)?, weighted(4)?);
    assert_eq!(start, 0.);
    assert!(half > 1e-3 && (half * 2. - full).abs() < 1e-5);
    assert_eq!(weighted(STEPS - 1)?, full);
    Ok(())
}

#[test]
fn a_face_needs_a_view() -> Result<()> {
    let mut algorithm = PseudoLabelConfig::default().build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let none = trial.losses(&mut algorithm, &batch(0, Views::NONE)?, 0);
    let expected = "the batch has 0 weak views, the trainer needs 1";
    assert_eq!(refusal(none), expected);
    let losses = trial.losses(&mut algorithm, &batch(0, Views::WEAK_STRONG)?, 0)?;
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.dims(), [UNLABELED]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        PseudoLabelConfig::build,
        &[
            (|c| c.threshold = 1.5, "threshold = 1.5, expected 0 to 1"),
            (|c| c.lambda_u = -1., "lambda_u = -1, expected 0 or more"),
            (|c| c.ramp = 1.1, "ramp = 1.1, expected 0 to 1"),
        ],
    );
}

#[test]
fn a_wrapper_reaches_label_and_prediction() -> Result<()> {
    let mut algorithm = low_threshold(LeafConfig::off())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let mut loss = |target, trained| -> Result<(Vec<u32>, f64)> {
        let shift = Shift::new(target, trained);
        let context = Context::new(&trial.student).with_adjustment(&shift);
        let losses = algorithm.loss(&context, &batch, Step::new(1, 1))?;
        let unlabeled = term(&losses, "unlabeled")?;
        let classes = losses.selection.expect("pseudo-labels").classes;
        Ok((classes.to_vec1()?, unlabeled))
    };
    let (plain, _) = loss(0., 0.)?;
    let (labeled, high) = loss(100., 0.)?;
    assert!(plain.iter().any(|&class| class != 0));
    assert_eq!(labeled, [0; UNLABELED]);
    // The prediction is shifted towards the label, which costs nothing then.
    let (_, low) = loss(100., 100.)?;
    assert!(high > 1. && low == 0., "{high} {low}");
    Ok(())
}
