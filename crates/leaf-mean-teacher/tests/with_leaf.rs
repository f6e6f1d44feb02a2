//! Mean Teacher, plain and with LEAF's aggregation.

use candle_core::Tensor;
use leaf_core::{LeafConfig, Mode, cross_entropy};
use leaf_mean_teacher::MeanTeacherConfig;
use leaf_ssl::{
    Algorithm, Batch, Context, Divergence, Logits, Losses, Network, Result, Stateful, Step, Task,
    Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    STEPS, Trial, assert_every_parameter_learns, assert_resumes, batch, largest_gradients, task,
};

fn config(leaf: LeafConfig) -> MeanTeacherConfig {
    MeanTeacherConfig::default().with_leaf(leaf)
}

/// The published rule, written by hand.
struct Plain;

impl Stateful for Plain {}

impl Algorithm for Plain {
    fn name(&self) -> &str {
        "by hand"
    }

    fn views(&self) -> Views {
        Views {
            weak: 2,
            average: true,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let logits = |network: &dyn Network, images: &Tensor, mode| -> Result<Logits> {
            Logits::new(network.forward(images, mode)?.logits)
        };
        let (student, average) = (context.student, context.need_average()?);
        let weak = &batch.unlabeled.weak;
        let target = logits(average, &weak[0], Mode::Teacher)?.probs()?;
        let labeled = logits(student, &batch.labeled.images, Mode::Train)?;
        let probs = logits(student, &weak[1], Mode::FrozenStatistics)?.probs()?;
        let supervised = cross_entropy(labeled.tensor(), &batch.labeled.labels)?.mean_all()?;
        let squares = (probs.tensor() - target.tensor())?.sqr()?;
        let ramped = (squares.mean(1)?.mean_all()? * (50. * linear_ramp(step, 0.4)))?;
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
    let divergence = MeanTeacherConfig {
        divergence: Divergence::KlDivergence,
        ..Default::default()
    };
    assert!(plain != run(divergence.build(&task())?, &off)?);
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
        let mut batch = batch(0, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
        assert_eq!(losses.terms[1].0, "unlabeled");
        assert!(entries(&losses.terms[1].1)?[0] > 0.);
        let selection = losses.selection.expect("pseudo-labels");
        assert!(entries(&selection.weights)?.iter().all(|&w| w == 1.));
        if leaf.semantic.is_none() {
            // Two equal views are answered alike.
            batch.unlabeled.weak[1] = batch.unlabeled.weak[0].clone();
            let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
            assert_eq!(entries(&losses.total)?, [0.]);
        }
    }
    Ok(())
}

#[test]
fn without_an_average_there_is_no_teacher() -> Result<()> {
    let mut algorithm = MeanTeacherConfig::default().build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let context = Context::new(&trial.student);
    let error = algorithm.loss(&context, &batch, Step::new(0, 1));
    assert_eq!(
        error.unwrap_err().to_string(),
        "the trainer needs a running average of the weights, and there is none"
    );
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

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: MeanTeacherConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let lambda = MeanTeacherConfig {
        lambda_u: f64::INFINITY,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = inf, expected 0 or more");
    let ramp = MeanTeacherConfig {
        ramp: -0.1,
        ..Default::default()
    };
    assert_eq!(build(ramp, 7), "ramp = -0.1, expected 0 to 1");
    assert_eq!(
        build(MeanTeacherConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
