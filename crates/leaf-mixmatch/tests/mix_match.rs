//! MixMatch, plain and with LEAF's aggregation.

use candle_core::{DType, Tensor};
use leaf_core::{LeafConfig, Mode, Random, cross_entropy, soft_cross_entropy};
use leaf_mixmatch::{MixMatch, MixMatchConfig};
use leaf_ssl::{
    Algorithm, Context, Logits, Mixup, Network, Probs, Result, Step, Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    ByHand, CLASSES, LABELED, Shift, Trial, UNLABELED, assert_encoder_follows,
    assert_every_face_counts, assert_learns_above_threshold, assert_off_is_plain, assert_refuses,
    assert_trainer, batch, run_to_bits, task, term,
};

fn mix_match(leaf: LeafConfig) -> Result<MixMatch> {
    MixMatchConfig::default().with_leaf(leaf).build(&task())
}

/// The published rule, written by hand; λ and the partners are drawn where the trainer draws them.
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
        let [first, second] = [&weak[0], &weak[1]].map(|view| logits(view, Mode::Teacher));
        let target = Probs::mean(&[first?.probs()?, second?.probs()?])?.sharpened(0.5)?;
        let truth = Probs::one_hot(&batch.labeled.labels, CLASSES, DType::F32)?;
        let images = Tensor::cat(&[&batch.labeled.images, &weak[0], &weak[1]], 0)?;
        let labels = Tensor::cat(&[truth.tensor(), target.tensor(), target.tensor()], 0)?;

        let mixup = Mixup::new(0.5, Random::new(0).split("mixup"))?;
        let mix = mixup.draw(LABELED + 2 * UNLABELED, step);
        let lambda = mix.lambda();
        let partners = Tensor::new(mix.partners(), images.device())?;
        let mixed = |rows: &Tensor| -> Result<Tensor> {
            let others = rows.index_select(&partners, 0)?;
            Ok(((rows * lambda)? + (others * (1. - lambda))?)?)
        };
        let (images, labels) = (mixed(&images)?, mixed(&labels)?);

        let labeled = logits(&images.narrow(0, 0, LABELED)?, Mode::Train)?;
        let supervised =
            soft_cross_entropy(labeled.tensor(), &labels.narrow(0, 0, LABELED)?)?.mean_all()?;
        let squares = |start| -> Result<Tensor> {
            let rows = |of: &Tensor| of.narrow(0, start, UNLABELED);
            let probs = logits(&rows(&images)?, Mode::FrozenStatistics)?.probs()?;
            Ok((probs.tensor() - rows(&labels)?)?.sqr()?.mean(1)?)
        };
        let squares = Tensor::cat(&[squares(LABELED)?, squares(LABELED + UNLABELED)?], 0)?;
        let ramped = (squares.mean_all()? * (100. * linear_ramp(step, 0.4)))?;
        Ok(((supervised * 1.)? + ramped)?)
    })
}

#[test]
fn leaf_switched_off_equals_the_rule_by_hand_bit_for_bit() -> Result<()> {
    assert_off_is_plain(by_hand(), mix_match)
}

#[test]
fn another_seed_mixes_otherwise() -> Result<()> {
    let config = MixMatchConfig::default();
    let other_seed = config.build(&task().with_seed(1))?;
    assert!(run_to_bits(by_hand(), &config.leaf)? != run_to_bits(other_seed, &config.leaf)?);
    Ok(())
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(mix_match)
}

#[test]
fn unlabelled_faces_are_learned_from() -> Result<()> {
    assert_every_face_counts(mix_match)?;
    assert_learns_above_threshold(mix_match)?;
    assert_encoder_follows(mix_match, |leaf| {
        let silent = MixMatchConfig {
            lambda_u: 0.,
            ..Default::default()
        };
        silent.with_leaf(leaf).build(&task())
    })
}

#[test]
fn without_mixing_the_labelled_term_is_cross_entropy() -> Result<()> {
    let config = MixMatchConfig {
        alpha: 0.,
        ..Default::default()
    };
    let mut algorithm = config.build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let logits = trial.student.forward(&batch.labeled.images, Mode::Eval)?;
    let expected = cross_entropy(&logits.logits, &batch.labeled.labels)?.mean_all()?;
    let expected = entries(&expected)?[0];
    assert!((term(&losses, "supervised")? - expected).abs() < 1e-6);
    Ok(())
}

#[test]
fn a_wrapper_reaches_both_views_targets_and_no_mixed_row() -> Result<()> {
    let mut algorithm = mix_match(LeafConfig::off())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let shift = Shift::new(100., 0.);
    let context = Context::new(&trial.student).with_adjustment(&shift);
    let batch = batch(0, algorithm.views())?;
    let losses = algorithm.loss(&context, &batch, Step::new(0, 1))?;
    assert_eq!(shift.calls(), (2, 0));
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.to_vec1::<u32>()?, [0; UNLABELED]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        MixMatchConfig::build,
        &[
            (|c| c.lambda_u = -1., "lambda_u = -1, expected 0 or more"),
            (|c| c.ramp = f64::NAN, "ramp = NaN, expected 0 to 1"),
            (
                |c| c.temperature = 0.,
                "temperature = 0, expected more than 0",
            ),
            (|c| c.alpha = -0.5, "alpha = -0.5, expected 0 or more"),
        ],
    );
}
