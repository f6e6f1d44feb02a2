//! Pseudo-Label, plain and with LEAF's aggregation.

use candle_core::{Tensor, Var};
use leaf_core::{LeafConfig, Mode, cross_entropy};
use leaf_pseudo_label::PseudoLabelConfig;
use leaf_ssl::{
    Algorithm, Batch, Context, LogitAdjustment, Logits, Losses, Result, Stateful, Step, Task,
    UTILIZATION, Views, linear_ramp,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, UNLABELED, assert_every_parameter_learns, assert_resumes, batch,
    largest_gradients, task,
};

/// Accepts some of the faces that an untrained network is shown.
fn low_threshold(leaf: LeafConfig) -> PseudoLabelConfig {
    PseudoLabelConfig {
        threshold: 0.2,
        ..PseudoLabelConfig::default()
    }
    .with_leaf(leaf)
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
            weak: 1,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
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
    assert!(plain == run(low_threshold(off.clone()).build(&task())?, &off)?);
    let robust = LeafConfig::robust();
    let with_robust = low_threshold(robust.clone()).build(&task())?;
    assert!(plain != run(with_robust, &robust)?);
    Ok(())
}

/// Unlabelled faces alone: neither the labelled ones nor the mixtures' balance count.
fn unlabeled_alone(leaf: LeafConfig) -> LeafConfig {
    LeafConfig {
        supervised_weight: 0.,
        balance_weight: 0.,
        ..leaf
    }
}

#[test]
fn faces_above_the_threshold_are_learned_from() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::robust()] {
        let leaf = unlabeled_alone(leaf);
        let config = PseudoLabelConfig {
            threshold: 0.,
            ..Default::default()
        };
        let mut algorithm = config.with_leaf(leaf.clone()).build(&task())?;
        let gradients = largest_gradients(&leaf, &mut algorithm, STEPS - 1)?;
        assert!(gradients["encoder.weight"] > Some(1e-4), "{gradients:?}");
        let trial = Trial::new(&leaf, &algorithm)?;
        let batch = batch(0, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
        assert_eq!(losses.terms[1].0, "unlabeled");
        assert!(entries(&losses.terms[1].1)?[0] > 0.);
        assert_eq!(losses.diagnostics[0].0, UTILIZATION);
        assert_eq!(entries(&losses.diagnostics[0].1)?, [1.]);
    }
    Ok(())
}

#[test]
fn rejected_faces_have_no_gradient() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::paper()] {
        let leaf = unlabeled_alone(leaf);
        let mut algorithm = low_threshold(leaf.clone()).build(&task())?;
        let trial = Trial::new(&leaf, &algorithm)?;
        let mut batch = batch(0, algorithm.views())?;
        let images = Var::from_tensor(&batch.unlabeled.weak[0])?;
        batch.unlabeled.weak[0] = images.as_tensor().clone();
        let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
        let weights = entries(&losses.selection.expect("pseudo-labels").weights)?;
        assert!(
            weights.contains(&0.) && weights.contains(&1.),
            "{weights:?}"
        );
        let grads = losses.total.backward()?;
        let grad = grads.get(&images).expect("a gradient").abs()?;
        let grad = entries(&grad.flatten_from(1)?.sum(1)?)?;
        for (weight, grad) in weights.iter().zip(grad) {
            assert_eq!(
                grad == 0.,
                *weight == 0.,
                "weight {weight}, gradient {grad}"
            );
        }
    }
    Ok(())
}

#[test]
fn the_weight_grows_from_0() -> Result<()> {
    let leaf = unlabeled_alone(LeafConfig::off());
    let mut algorithm = low_threshold(leaf.clone()).build(&task())?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let mut total = |index| -> Result<f64> {
        Ok(entries(&trial.losses(&mut algorithm, &batch, index)?.total)?[0])
    };
    let (start, half, full) = (total(0)?, total(2)?, total(4)?);
    assert_eq!(start, 0.);
    assert!(half > 0. && (half * 2. - full).abs() < 1e-6);
    assert_eq!(total(STEPS - 1)?, full);
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
        let mut algorithm = low_threshold(leaf.clone()).build(&task())?;
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
        assert_resumes(&leaf, || {
            Ok(Box::new(low_threshold(leaf.clone()).build(&task())?))
        })?;
    }
    Ok(())
}

#[test]
fn a_face_needs_a_view() -> Result<()> {
    let mut algorithm = PseudoLabelConfig::default().build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let error = trial.losses(&mut algorithm, &batch(0, Views::NONE)?, 0);
    assert_eq!(
        error.unwrap_err().to_string(),
        "the batch has 0 weak views, the trainer needs 1"
    );
    let losses = trial.losses(&mut algorithm, &batch(0, Views::WEAK_STRONG)?, 0)?;
    let selection = losses.selection.expect("pseudo-labels");
    assert_eq!(selection.classes.dims(), [UNLABELED]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: PseudoLabelConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = PseudoLabelConfig {
        threshold: 1.5,
        ..Default::default()
    };
    assert_eq!(build(threshold, 7), "threshold = 1.5, expected 0 to 1");
    let lambda = PseudoLabelConfig {
        lambda_u: -1.,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = -1, expected 0 or more");
    let ramp = PseudoLabelConfig {
        ramp: 1.1,
        ..Default::default()
    };
    assert_eq!(build(ramp, 7), "ramp = 1.1, expected 0 to 1");
    assert_eq!(
        build(PseudoLabelConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}

/// Adds to the first class's score.
struct Shift {
    target: f32,
    trained: f32,
}

impl LogitAdjustment for Shift {
    fn target(&self, logits: &Logits) -> Result<Logits> {
        shifted(logits, self.target)
    }

    fn trained(&self, logits: &Logits) -> Result<Logits> {
        shifted(logits, self.trained)
    }
}

fn shifted(logits: &Logits, by: f32) -> Result<Logits> {
    let mut shift = [0f32; CLASSES];
    shift[0] = by;
    let shift = Tensor::new(&shift, logits.tensor().device())?;
    Logits::new(logits.tensor().broadcast_add(&shift)?)
}

#[test]
fn a_wrapper_reaches_label_and_prediction() -> Result<()> {
    let mut algorithm = low_threshold(LeafConfig::off()).build(&task())?;
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let mut loss = |target, trained| -> Result<(Vec<u32>, f64)> {
        let shift = Shift { target, trained };
        let context = Context::new(&trial.student).with_adjustment(&shift);
        let losses = algorithm.loss(&context, &batch, Step::new(1, 1))?;
        let classes = losses.selection.expect("pseudo-labels").classes;
        Ok((classes.to_vec1()?, entries(&losses.terms[1].1)?[0]))
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
