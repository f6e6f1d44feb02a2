//! Pi-Model, plain and with LEAF's aggregation.

use candle_core::Tensor;
use leaf_core::{LeafConfig, Mode, cross_entropy};
use leaf_pseudo_label::{PiModel, PiModelConfig};
use leaf_ssl::{Algorithm, Divergence, Logits, Result, Views, linear_ramp};
use leaf_testkit::entries;
use leaf_trial::{
    ByHand, STEPS, Trial, assert_encoder_follows, assert_every_face_counts,
    assert_learns_above_threshold, assert_off_is_plain, assert_refuses, assert_trainer, batch,
    run_to_bits, task, term,
};

fn pi_model(leaf: LeafConfig) -> Result<PiModel> {
    PiModelConfig::default().with_leaf(leaf).build(&task())
}

/// The published rule, written by hand.
fn by_hand() -> impl Algorithm {
    let views = Views {
        weak: 2,
        ..Views::NONE
    };
    ByHand::new(views, |context, batch, step| {
        let logits = |images: &Tensor, mode| -> Result<Logits> {
            Logits::new(context.student.forward(images, mode)?.logits)
        };
        let weak = &batch.unlabeled.weak;
        let target = logits(&weak[0], Mode::Teacher)?.probs()?;
        let labeled = logits(&batch.labeled.images, Mode::Train)?;
        let probs = logits(&weak[1], Mode::FrozenStatistics)?.probs()?;
        let supervised = cross_entropy(labeled.tensor(), &batch.labeled.labels)?.mean_all()?;
        let squares = (probs.tensor() - target.tensor())?.sqr()?;
        let ramped = (squares.mean(1)?.mean_all()? * (10. * linear_ramp(step, 0.4)))?;
        Ok(((supervised * 1.)? + ramped)?)
    })
}

#[test]
fn leaf_switched_off_equals_the_rule_by_hand_bit_for_bit() -> Result<()> {
    assert_off_is_plain(by_hand(), pi_model)
}

#[test]
fn another_divergence_learns_otherwise() -> Result<()> {
    let divergence = PiModelConfig {
        divergence: Divergence::KlDivergence,
        ..Default::default()
    };
    let plain = run_to_bits(by_hand(), &divergence.leaf)?;
    assert!(plain != run_to_bits(divergence.build(&task())?, &divergence.leaf)?);
    Ok(())
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(pi_model)
}

#[test]
fn unlabelled_faces_are_learned_from() -> Result<()> {
    assert_every_face_counts(pi_model)?;
    assert_learns_above_threshold(pi_model)?;
    assert_encoder_follows(pi_model, |leaf| {
        let silent = PiModelConfig {
            lambda_u: 0.,
            ..Default::default()
        };
        silent.with_leaf(leaf).build(&task())
    })
}

#[test]
fn two_equal_views_teach_nothing() -> Result<()> {
    let leaf = LeafConfig::off();
    let mut algorithm = pi_model(leaf.clone())?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let mut batch = batch(0, algorithm.views())?;
    batch.unlabeled.weak[1] = batch.unlabeled.weak[0].clone();
    let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
    assert_eq!(term(&losses, "unlabeled")?, 0.);
    assert_eq!(entries(&losses.total)?, [term(&losses, "supervised")?]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        PiModelConfig::build,
        &[
            (
                |c| c.lambda_u = f64::INFINITY,
                "lambda_u = inf, expected 0 or more",
            ),
            (|c| c.ramp = -0.1, "ramp = -0.1, expected 0 to 1"),
        ],
    );
}
