//! ReMixMatch, plain and with LEAF's aggregation.

use candle_core::{DType, Tensor};
use leaf_core::{
    Alignment, AlignmentTarget, LeafConfig, Mode, Random, cross_entropy, soft_cross_entropy,
};
use leaf_mixmatch::{ReMixMatch, ReMixMatchConfig};
use leaf_ssl::{
    Algorithm, AverageAlignment, Batch, Context, Heads, Logits, Mixup, Probs, Result, Step, Task,
    Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    ByHand, CLASSES, LABELED, STEPS, Shift, Trial, UNLABELED, assert_encoder_follows,
    assert_every_face_counts, assert_off_is_plain, assert_refuses, assert_trainer, batch, presets,
    refusal, step_losses, task, term, term_names,
};

fn remix_match(leaf: LeafConfig) -> Result<ReMixMatch> {
    ReMixMatchConfig::default().with_leaf(leaf).build(&task())
}

/// The published rule, written by hand; λ and the partners are drawn where the trainer draws them.
fn by_hand() -> Result<impl Algorithm> {
    let alignment = Alignment {
        momentum: 0.999,
        target: AlignmentTarget::Given(task().class_shares()?),
    };
    let mut alignment = AverageAlignment::new(&alignment, CLASSES)?;
    let views = Views {
        weak: 1,
        strong: 2,
        rotated: true,
        ..Views::NONE
    };
    let rule = move |context: &Context, batch: &Batch, step: Step| -> Result<Tensor> {
        let student = context.student;
        let logits =
            |images: &Tensor, mode| -> Result<Tensor> { Ok(student.forward(images, mode)?.logits) };
        let (weak, strong) = (&batch.unlabeled.weak[0], &batch.unlabeled.strong);
        let probs = Logits::new(logits(weak, Mode::Teacher)?)?.probs()?;
        let target = alignment.align(&probs)?.sharpened(0.5)?;
        let target = target.tensor();
        let truth = Probs::one_hot(&batch.labeled.labels, CLASSES, DType::F32)?;
        let images = Tensor::cat(&[&batch.labeled.images, &strong[0], &strong[1], weak], 0)?;
        let labels = Tensor::cat(&[truth.tensor(), target, target, target], 0)?;
        let mixup = Mixup::new(0.75, Random::new(0).split("mixup"))?;
        let mix = mixup.draw(LABELED + 3 * UNLABELED, step);
        let (images, labels) = (mix.rows(&images)?, mix.rows(&labels)?);

        let frozen = Mode::FrozenStatistics;
        let unmixed = soft_cross_entropy(&logits(&strong[0], frozen)?, target)?.mean_all()?;
        let rows = |start, count, mode| -> Result<Tensor> {
            let logits = logits(&images.narrow(0, start, count)?, mode)?;
            Ok(soft_cross_entropy(
                &logits,
                &labels.narrow(0, start, count)?,
            )?)
        };
        let supervised = rows(0, LABELED, Mode::Train)?.mean_all()?;
        let views = (0..3).map(|view| rows(LABELED + view * UNLABELED, UNLABELED, frozen));
        let mixed = Tensor::cat(&views.collect::<Result<Vec<_>>>()?, 0)?.mean_all()?;
        let rotated = batch.unlabeled.rotated.as_ref().expect("turned faces");
        let turned = student.forward(&rotated.images, frozen)?.aggregated;
        let turned = student.rotation_logits(&turned, frozen)?;
        let turned = cross_entropy(&turned, &rotated.quarters)?.mean_all()?;

        let ramp = linear_ramp(step, 1. / 64.);
        let total = ((supervised * 1.)? + (mixed * (1.5 * ramp))?)?;
        let total = (total + (unmixed * (0.5 * ramp))?)?;
        Ok((total + (turned * 0.5)?)?)
    };
    Ok(ByHand::new(views, rule).with_heads(Heads::rotation()))
}

#[test]
fn leaf_switched_off_equals_the_rule_by_hand_bit_for_bit() -> Result<()> {
    assert_off_is_plain(by_hand()?, remix_match)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(remix_match)
}

/// Only one term counts beside the labelled one.
fn alone(term: &str, leaf: LeafConfig) -> ReMixMatchConfig {
    let weight = |name| if name == term { 1. } else { 0. };
    ReMixMatchConfig {
        lambda_u: weight("unlabeled"),
        lambda_kl: weight("strong"),
        lambda_rotation: weight("rotation"),
        ..Default::default()
    }
    .with_leaf(LeafConfig {
        balance_weight: 0.,
        ..leaf
    })
}

#[test]
fn every_term_is_learned_from() -> Result<()> {
    assert_every_face_counts(remix_match)?;
    for name in ["unlabeled", "strong", "rotation"] {
        assert_encoder_follows(
            |leaf| alone(name, leaf).build(&task()),
            |leaf| alone("none", leaf).build(&task()),
        )?;
        for (preset, leaf) in presets() {
            let config = alone(name, leaf);
            let mut algorithm = config.build(&task())?;
            let losses = step_losses(&config.leaf, &mut algorithm, STEPS - 1)?;
            let (supervised, loss) = (term(&losses, "supervised")?, term(&losses, name)?);
            let rest = entries(&losses.total)?[0] - supervised;
            assert!(loss > 0. && (rest - loss).abs() < 1e-5, "{preset}, {name}");
        }
    }
    Ok(())
}

#[test]
fn without_rotation_there_is_no_head_and_no_turned_view() -> Result<()> {
    let mut algorithm = alone("unlabeled", LeafConfig::off()).build(&task())?;
    assert!(!algorithm.views().rotated && !algorithm.heads().rotation);
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    assert!(!term_names(&losses).contains(&"rotation"));

    let mut turning = ReMixMatchConfig::default().build(&task())?;
    assert_eq!(
        refusal(trial.losses(&mut turning, &batch, 0)),
        "the batch has 0 rotated views, the trainer needs 1"
    );
    Ok(())
}

#[test]
fn targets_follow_the_labelled_classes() -> Result<()> {
    // All labelled faces are of class 3, so every face must be.
    let task = Task::new(CLASSES).with_labeled((0..LABELED).map(|face| (face, 3)));
    let mut algorithm = ReMixMatchConfig::default().build(&task)?;
    let losses = step_losses(&LeafConfig::off(), &mut algorithm, 0)?;
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.to_vec1::<u32>()?, [3; UNLABELED]);
    Ok(())
}

#[test]
fn a_wrapper_reaches_the_target_and_the_unmixed_view() -> Result<()> {
    let mut algorithm = remix_match(LeafConfig::off())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let shift = Shift::new(0., 0.);
    let context = Context::new(&trial.student).with_adjustment(&shift);
    let batch = batch(0, algorithm.views())?;
    algorithm.loss(&context, &batch, Step::new(0, 1))?;
    assert_eq!(shift.calls(), (1, 1));
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        ReMixMatchConfig::build,
        &[
            (|c| c.lambda_u = -1., "lambda_u = -1, expected 0 or more"),
            (
                |c| c.lambda_kl = f64::NAN,
                "lambda_kl = NaN, expected 0 or more",
            ),
            (
                |c| c.lambda_rotation = -0.5,
                "lambda_rotation = -0.5, expected 0 or more",
            ),
            (|c| c.ramp = 2., "ramp = 2, expected 0 to 1"),
            (
                |c| c.temperature = f64::INFINITY,
                "temperature = inf, expected more than 0",
            ),
            (|c| c.alpha = f64::NAN, "alpha = NaN, expected 0 or more"),
            (
                |c| c.alignment_momentum = 1.,
                "alignment_momentum = 1, expected 0 or more and less than 1",
            ),
        ],
    );
    assert_eq!(
        refusal(ReMixMatchConfig::default().build(&Task::new(7))),
        "labelled faces of the task = 0, expected at least 1"
    );
}
