//! ReMixMatch, plain and with LEAF's aggregation.

use std::cell::Cell;

use candle_core::{DType, Tensor};
use leaf_core::{
    Alignment, AlignmentTarget, LeafConfig, Mode, Random, cross_entropy, soft_cross_entropy,
};
use leaf_mixmatch::ReMixMatchConfig;
use leaf_ssl::{
    Algorithm, AverageAlignment, Batch, Context, Heads, LogitAdjustment, Logits, Losses, Mixup,
    Probs, Result, Stateful, Step, Task, Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, LABELED, STEPS, Trial, UNLABELED, assert_every_parameter_learns, assert_resumes,
    batch, largest_gradients, task,
};

fn config(leaf: LeafConfig) -> ReMixMatchConfig {
    ReMixMatchConfig::default().with_leaf(leaf)
}

/// The published rule, written by hand; λ and the partners are drawn where the trainer draws them.
struct Plain(AverageAlignment);

impl Plain {
    fn new() -> Result<Self> {
        let alignment = Alignment {
            momentum: 0.999,
            target: AlignmentTarget::Given(task().class_shares()?),
        };
        Ok(Self(AverageAlignment::new(&alignment, CLASSES)?))
    }
}

impl Stateful for Plain {}

impl Algorithm for Plain {
    fn name(&self) -> &str {
        "by hand"
    }

    fn views(&self) -> Views {
        Views {
            weak: 1,
            strong: 2,
            rotated: true,
            ..Views::NONE
        }
    }

    fn heads(&self) -> Heads {
        Heads::rotation()
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let student = context.student;
        let logits =
            |images: &Tensor, mode| -> Result<Tensor> { Ok(student.forward(images, mode)?.logits) };
        let (weak, strong) = (&batch.unlabeled.weak[0], &batch.unlabeled.strong);
        let probs = Logits::new(logits(weak, Mode::Teacher)?)?.probs()?;
        let target = self.0.align(&probs)?.sharpened(0.5)?;
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
        Ok(Losses::new((total + (turned * 0.5)?)?, Vec::new()))
    }
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    let trace = trial.train(&mut algorithm, 0..STEPS)?;
    assert!(trace.iter().all(|loss| loss.is_finite()), "{trace:?}");
    trial.bits()
}

#[test]
fn leaf_switched_off_equals_the_rule_by_hand_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain = run(Plain::new()?, &off)?;
    assert!(plain == run(config(off.clone()).build(&task())?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(config(robust.clone()).build(&task())?, &robust)?);
    Ok(())
}

/// Only one term counts.
fn alone(term: &str, leaf: LeafConfig) -> ReMixMatchConfig {
    let weight = |name| if name == term { 1. } else { 0. };
    ReMixMatchConfig {
        lambda_u: weight("unlabeled"),
        lambda_kl: weight("strong"),
        lambda_rotation: weight("rotation"),
        ..Default::default()
    }
    .with_leaf(LeafConfig {
        supervised_weight: 0.,
        balance_weight: 0.,
        ..leaf
    })
}

#[test]
fn every_term_is_learned_from() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::robust()] {
        for term in ["unlabeled", "strong", "rotation"] {
            let config = alone(term, leaf.clone());
            let mut algorithm = config.build(&task())?;
            let gradients = largest_gradients(&config.leaf, &mut algorithm, STEPS - 1)?;
            assert!(gradients["encoder.weight"] > Some(1e-4), "{gradients:?}");
            let trial = Trial::new(&config.leaf, &algorithm)?;
            let batch = batch(0, algorithm.views())?;
            let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
            let found = losses.terms.iter().find(|(name, _)| *name == term);
            let loss = entries(&found.expect("the term").1)?[0];
            assert!(loss > 0. && (entries(&losses.total)?[0] - loss).abs() < 1e-6);
            let selection = losses.selection.expect("pseudo-labels");
            assert!(entries(&selection.weights)?.iter().all(|&w| w == 1.));
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
    assert!(losses.terms.iter().all(|(name, _)| *name != "rotation"));

    let mut turning = ReMixMatchConfig::default().build(&task())?;
    let error = trial.losses(&mut turning, &batch, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the batch has 0 rotated views, the trainer needs 1"
    );
    Ok(())
}

#[test]
fn targets_follow_the_labelled_classes() -> Result<()> {
    // All labelled faces are of class 3, so every face must be.
    let task = Task::new(CLASSES).with_labeled((0..LABELED).map(|face| (face, 3)));
    let mut algorithm = config(LeafConfig::off()).build(&task)?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.to_vec1::<u32>()?, [3; UNLABELED]);
    Ok(())
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    for (name, leaf) in [
        ("plain", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ] {
        let mut algorithm = config(leaf.clone()).build(&task())?;
        assert_every_parameter_learns(&leaf, &mut algorithm, |path| {
            // The released gate's one weight is the constant 1 and its balance is dropped: it is
            // dead. At step 0 a robust expert's last layer is 0 and lets nothing through to the first.
            (name == "released" && path.contains(".gate."))
                || (name == "robust" && path.contains(".fc1."))
        })?;
    }
    Ok(())
}

#[test]
fn a_saved_run_goes_on_bit_for_bit() -> Result<()> {
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::released(),
    ] {
        assert_resumes(&leaf, || Ok(Box::new(config(leaf.clone()).build(&task())?)))?;
    }
    Ok(())
}

/// Counts calls and changes nothing.
#[derive(Default)]
struct Counter {
    targets: Cell<usize>,
    trained: Cell<usize>,
}

impl LogitAdjustment for Counter {
    fn target(&self, logits: &Logits) -> Result<Logits> {
        self.targets.set(self.targets.get() + 1);
        Ok(logits.clone())
    }

    fn trained(&self, logits: &Logits) -> Result<Logits> {
        self.trained.set(self.trained.get() + 1);
        Ok(logits.clone())
    }
}

#[test]
fn a_wrapper_reaches_the_target_and_the_unmixed_view() -> Result<()> {
    let mut algorithm = config(LeafConfig::off()).build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let counter = Counter::default();
    let context = Context::new(&trial.student).with_adjustment(&counter);
    let batch = batch(0, algorithm.views())?;
    algorithm.loss(&context, &batch, Step::new(0, 1))?;
    assert_eq!((counter.targets.get(), counter.trained.get()), (1, 1));
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: ReMixMatchConfig| {
        let error = config.build(&task()).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let good = ReMixMatchConfig::default();
    for (config, expected) in [
        (
            ReMixMatchConfig {
                lambda_u: -1.,
                ..good.clone()
            },
            "lambda_u = -1, expected 0 or more",
        ),
        (
            ReMixMatchConfig {
                lambda_kl: f64::NAN,
                ..good.clone()
            },
            "lambda_kl = NaN, expected 0 or more",
        ),
        (
            ReMixMatchConfig {
                lambda_rotation: -0.5,
                ..good.clone()
            },
            "lambda_rotation = -0.5, expected 0 or more",
        ),
        (
            ReMixMatchConfig {
                ramp: 2.,
                ..good.clone()
            },
            "ramp = 2, expected 0 to 1",
        ),
        (
            ReMixMatchConfig {
                temperature: f64::INFINITY,
                ..good.clone()
            },
            "temperature = inf, expected more than 0",
        ),
        (
            ReMixMatchConfig {
                alpha: f64::NAN,
                ..good.clone()
            },
            "alpha = NaN, expected 0 or more",
        ),
        (
            ReMixMatchConfig {
                alignment_momentum: 1.,
                ..good.clone()
            },
            "alignment_momentum = 1, expected 0 or more and less than 1",
        ),
    ] {
        assert_eq!(build(config), expected);
    }
    let unknown = good.build(&Task::new(7)).map(|_| ()).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "labelled faces of the task = 0, expected at least 1"
    );
    let one = good.build(&Task::new(1)).map(|_| ()).unwrap_err();
    assert_eq!(one.to_string(), "num_classes = 1, expected at least 2");
}
