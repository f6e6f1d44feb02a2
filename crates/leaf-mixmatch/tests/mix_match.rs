//! MixMatch, plain and with LEAF's aggregation.

use std::cell::Cell;

use candle_core::{DType, Tensor};
use leaf_core::{LeafConfig, Mode, Random, cross_entropy, soft_cross_entropy};
use leaf_mixmatch::MixMatchConfig;
use leaf_ssl::{
    Algorithm, Batch, Context, LogitAdjustment, Logits, Losses, Mixup, Probs, Result, Stateful,
    Step, Task, UTILIZATION, Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, LABELED, STEPS, Trial, UNLABELED, assert_every_parameter_learns, assert_resumes,
    batch, largest_gradients, task,
};

fn config(leaf: LeafConfig) -> MixMatchConfig {
    MixMatchConfig::default().with_leaf(leaf)
}

/// The published rule, written by hand; λ and the partners are drawn where the trainer draws them.
struct Plain;

impl Stateful for Plain {}

impl Algorithm for Plain {
    fn name(&self) -> &str {
        "by hand"
    }

    fn views(&self) -> Views {
        Views {
            weak: 2,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
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
        Ok(Losses::new(((supervised * 1.)? + ramped)?, Vec::new()))
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
    let plain = run(Plain, &off)?;
    assert!(plain == run(config(off.clone()).build(&task())?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(config(robust.clone()).build(&task())?, &robust)?);
    let other_seed = config(off.clone()).build(&task().with_seed(1))?;
    assert!(plain != run(other_seed, &off)?);
    Ok(())
}

#[test]
fn unlabelled_faces_are_learned_from() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::robust()] {
        let leaf = LeafConfig {
            supervised_weight: 0.,
            balance_weight: 0.,
            ..leaf
        };
        let mut algorithm = config(leaf.clone()).build(&task())?;
        let gradients = largest_gradients(&leaf, &mut algorithm, STEPS - 1)?;
        assert!(gradients["encoder.weight"] > Some(1e-4), "{gradients:?}");
        let trial = Trial::new(&leaf, &algorithm)?;
        let batch = batch(0, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
        assert_eq!(losses.terms[1].0, "unlabeled");
        assert!(entries(&losses.terms[1].1)?[0] > 0.);
        assert_eq!(losses.diagnostics[0].0, UTILIZATION);
        assert_eq!(entries(&losses.diagnostics[0].1)?, [1.]);
        let selection = losses.selection.expect("pseudo-labels");
        assert_eq!(selection.classes.dims(), [UNLABELED]);
    }
    Ok(())
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
    let context = Context::new(&trial.student);
    let logits = context.student.forward(&batch.labeled.images, Mode::Eval)?;
    let expected = cross_entropy(&logits.logits, &batch.labeled.labels)?.mean_all()?;
    let (found, expected) = (entries(&losses.terms[0].1)?, entries(&expected)?);
    assert!((found[0] - expected[0]).abs() < 1e-6);
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

/// Counts calls, and asks for the first class.
#[derive(Default)]
struct Counter {
    targets: Cell<usize>,
    trained: Cell<usize>,
}

impl LogitAdjustment for Counter {
    fn target(&self, logits: &Logits) -> Result<Logits> {
        self.targets.set(self.targets.get() + 1);
        let mut shift = [0f32; CLASSES];
        shift[0] = 100.;
        let shift = Tensor::new(&shift, logits.tensor().device())?;
        Logits::new(logits.tensor().broadcast_add(&shift)?)
    }

    fn trained(&self, logits: &Logits) -> Result<Logits> {
        self.trained.set(self.trained.get() + 1);
        Ok(logits.clone())
    }
}

#[test]
fn a_wrapper_reaches_both_views_targets_and_no_mixed_row() -> Result<()> {
    let mut algorithm = config(LeafConfig::off()).build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let counter = Counter::default();
    let context = Context::new(&trial.student).with_adjustment(&counter);
    let batch = batch(0, algorithm.views())?;
    let losses = algorithm.loss(&context, &batch, Step::new(0, 1))?;
    assert_eq!((counter.targets.get(), counter.trained.get()), (2, 0));
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.to_vec1::<u32>()?, [0; UNLABELED]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: MixMatchConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let lambda = MixMatchConfig {
        lambda_u: -1.,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = -1, expected 0 or more");
    let ramp = MixMatchConfig {
        ramp: f64::NAN,
        ..Default::default()
    };
    assert_eq!(build(ramp, 7), "ramp = NaN, expected 0 to 1");
    let temperature = MixMatchConfig {
        temperature: 0.,
        ..Default::default()
    };
    assert_eq!(
        build(temperature, 7),
        "temperature = 0, expected more than 0"
    );
    let alpha = MixMatchConfig {
        alpha: -0.5,
        ..Default::default()
    };
    assert_eq!(build(alpha, 7), "alpha = -0.5, expected 0 or more");
    assert_eq!(
        build(MixMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
