//! LEAF in FreeMatch: off changes nothing, on reaches every parameter and all accepted faces.

use candle_core::{Device, Tensor};
use leaf_core::{
    CategoryDecoupling, DecouplingConfig, Faces, LeafConfig, Levels, Mode, positive_set_loss,
};
use leaf_freematch::{FreeMatch, FreeMatchConfig};
use leaf_ssl::{
    Algorithm, AverageAlignment, CrossEntropy, HardLabels, Logits, Losses, Network, Result,
    SelfAdaptive, SelfAdaptiveConfig, Stateful, Task, UTILIZATION, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_resumes, batch, largest_gradients,
    strong_gradients, task,
};

/// Averages that move within a short run, and a fairness term that can be seen.
fn thresholds() -> SelfAdaptiveConfig {
    SelfAdaptiveConfig {
        momentum: 0.9,
        fairness: 0.1,
        ..SelfAdaptiveConfig::default()
    }
}

fn free_match(leaf: &LeafConfig) -> Result<FreeMatch> {
    let config = FreeMatchConfig {
        thresholds: thresholds(),
        ..FreeMatchConfig::default()
    };
    config.with_leaf(leaf.clone()).build(&task())
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

#[test]
fn leaf_switched_off_equals_plain_freematch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: FreeMatch<CrossEntropy> = WeakStrong::new(
        "FreeMatch",
        HardLabels::new(None, CLASSES)?,
        SelfAdaptive::new(thresholds(), CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = run(plain, &off)?;
    assert!(plain == run(free_match(&off)?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(free_match(&robust)?, &robust)?);
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
        assert_every_parameter_learns(&leaf, &mut free_match(&leaf)?, |path| {
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
        assert_resumes(&leaf, || Ok(Box::new(free_match(&leaf)?)))?;
    }
    Ok(())
}

/// At first every face is accepted; without the labelled faces' term all gradients are theirs.
#[test]
fn accepted_faces_teach() -> Result<()> {
    let leaf = LeafConfig {
        supervised_weight: 0.,
        ..LeafConfig::off()
    };
    let mut algorithm = free_match(&leaf)?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let found = |name: &str| losses.diagnostics.iter().find(|(found, _)| found == name);
    let (_, utilization) = found(UTILIZATION).expect("a measurement");
    assert_eq!(entries(utilization)?, [1.]);
    let (name, unlabeled) = &losses.terms[1];
    assert_eq!(*name, "unlabeled");
    assert!(entries(unlabeled)?[0] > 0.);
    for (name, gradient) in largest_gradients(&leaf, &mut free_match(&leaf)?, 0)? {
        assert!(gradient.is_some_and(|gradient| gradient > 0.), "{name}");
    }
    Ok(())
}

/// With a running confidence that some of the trial's faces reach and some do not.
#[test]
fn rejected_faces_teach_nothing() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let mut algorithm = free_match(&leaf)?;
        let mut state = algorithm.state()?;
        let confidence = Tensor::new(&[0.25f32], &Device::Cpu)?;
        state.insert("selector.time_p".to_owned(), confidence);
        algorithm.load_state(&state)?;
        let faces = strong_gradients(&leaf, &mut algorithm, 0)?;
        let rejected = faces.iter().filter(|face| face.weight == 0.).count();
        assert!(0 < rejected && rejected < faces.len(), "{faces:?}");
        for face in faces {
            assert_eq!(face.weight > 0., face.gradient > 0., "{face:?}");
        }
    }
    Ok(())
}

#[test]
fn the_robust_level_acts_on_accepted_faces() -> Result<()> {
    let faces = |leaf: LeafConfig| {
        let config = FreeMatchConfig::default().with_leaf(leaf);
        config.leaf.category.map(|level| level.faces)
    };
    assert_eq!(faces(LeafConfig::robust()), Some(Faces::Both));
    assert_eq!(faces(LeafConfig::paper()), Some(Faces::Accepted));
    assert_eq!(faces(LeafConfig::released()), Some(Faces::Accepted));
    assert_eq!(faces(LeafConfig::off()), None);

    // The level alone, so that no gate draws noise. In the first step every face is accepted.
    let leaf = LeafConfig::robust().with_levels(Levels {
        category: true,
        ..Levels::NONE
    });
    let mut algorithm = free_match(&leaf)?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;

    let student = &trial.student;
    let weak = student.forward(&batch.unlabeled.weak[0], Mode::Teacher)?;
    let strong = student.forward(&batch.unlabeled.strong[0], Mode::Train)?;
    let weak = Logits::new(weak.logits)?.probs()?;
    let aligned = AverageAlignment::new(&Default::default(), CLASSES)?.align(&weak)?;
    let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), CLASSES)?;
    let sets = decoupling.decouple(aligned.tensor())?;
    let expected = (positive_set_loss(&strong.logits, &sets)? * sets.weight)?.mean_all()?;
    let (expected, found) = (entries(&expected)?[0], entries(&losses.terms[1].1)?[0]);
    assert!(
        found > 0. && (found - expected).abs() < 1e-6,
        "{found} {expected}"
    );
    Ok(())
}

/// The losses of a step at the initial weights with these weights of the terms.
fn first_step(lambda_u: f64, fairness: f64) -> Result<Losses> {
    let config = FreeMatchConfig {
        thresholds: SelfAdaptiveConfig {
            fairness,
            ..thresholds()
        },
        lambda_u,
        ..FreeMatchConfig::default()
    };
    let mut algorithm = config.build(&task())?;
    let trial = Trial::new(&config.leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    trial.losses(&mut algorithm, &batch, 0)
}

#[test]
fn the_fairness_term_is_negative_and_has_its_own_weight() -> Result<()> {
    let term = |losses: &Losses, name: &str| -> Result<Option<f64>> {
        let found = losses.terms.iter().find(|(found, _)| *found == name);
        found.map(|(_, term)| Ok(entries(term)?[0])).transpose()
    };
    for lambda_u in [0., 2.] {
        let losses = first_step(lambda_u, 0.1)?;
        let fairness = term(&losses, "fairness")?.expect("a term");
        assert!(fairness < 0., "{fairness}");
        let supervised = term(&losses, "supervised")?.expect("a term");
        let unlabeled = term(&losses, "unlabeled")?.expect("a term");
        let expected = supervised + lambda_u * unlabeled + 0.1 * fairness;
        let total = entries(&losses.total)?[0];
        assert!((total - expected).abs() < 1e-6, "{total} {expected}");
    }
    assert_eq!(term(&first_step(1., 0.)?, "fairness")?, None);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: FreeMatchConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let with = |thresholds: SelfAdaptiveConfig| FreeMatchConfig {
        thresholds,
        ..Default::default()
    };
    let momentum = with(SelfAdaptiveConfig {
        momentum: 1.,
        ..Default::default()
    });
    assert_eq!(
        build(momentum, 7),
        "momentum = 1, expected 0 or more and less than 1"
    );
    let fairness = with(SelfAdaptiveConfig {
        fairness: -0.001,
        ..Default::default()
    });
    assert_eq!(build(fairness, 7), "fairness = -0.001, expected 0 or more");
    let lambda = FreeMatchConfig {
        lambda_u: f64::INFINITY,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = inf, expected 0 or more");
    assert_eq!(
        build(FreeMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
