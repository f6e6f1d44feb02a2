//! LEAF in FlexMatch: off changes nothing, on reaches every parameter and all accepted faces.

use leaf_core::{
    CategoryDecoupling, DecouplingConfig, Faces, LeafConfig, Levels, Mode, positive_set_loss,
};
use leaf_flexmatch::{FlexMatch, FlexMatchConfig};
use leaf_ssl::{
    Algorithm, AverageAlignment, CrossEntropy, Curriculum, CurriculumConfig, HardLabels, Logits,
    Network, Result, Stateful, Task, UTILIZATION, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, TRAINING_FACES, Trial, assert_every_parameter_learns, assert_resumes, batch,
    largest_gradients, strong_gradients, task,
};

/// A confidence that some of the trial's faces reach and some do not.
const THRESHOLD: f64 = 0.25;

fn curriculum() -> CurriculumConfig {
    CurriculumConfig {
        threshold: THRESHOLD,
        warmup: true,
    }
}

fn flex_match(leaf: &LeafConfig) -> Result<FlexMatch> {
    let config = FlexMatchConfig {
        curriculum: curriculum(),
        ..FlexMatchConfig::default()
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
fn leaf_switched_off_equals_plain_flexmatch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: FlexMatch<CrossEntropy> = WeakStrong::new(
        "FlexMatch",
        HardLabels::new(None, CLASSES)?,
        Curriculum::new(curriculum(), TRAINING_FACES, CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = run(plain, &off)?;
    assert!(plain == run(flex_match(&off)?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(flex_match(&robust)?, &robust)?);
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
        assert_every_parameter_learns(&leaf, &mut flex_match(&leaf)?, |path| {
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
        assert_resumes(&leaf, || Ok(Box::new(flex_match(&leaf)?)))?;
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
    let mut algorithm = flex_match(&leaf)?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let found = |name: &str| losses.diagnostics.iter().find(|(found, _)| found == name);
    let (_, utilization) = found(UTILIZATION).expect("a measurement");
    assert_eq!(entries(utilization)?, [1.]);
    let (name, unlabeled) = &losses.terms[1];
    assert_eq!(*name, "unlabeled");
    assert!(entries(unlabeled)?[0] > 0.);
    for (name, gradient) in largest_gradients(&leaf, &mut flex_match(&leaf)?, 0)? {
        assert!(gradient.is_some_and(|gradient| gradient > 0.), "{name}");
    }
    Ok(())
}

/// With every class fully learned, each threshold is τ.
#[test]
fn rejected_faces_teach_nothing() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let mut algorithm = flex_match(&leaf)?;
        let mut state = algorithm.state()?;
        let status = state["selector.class_acc"].ones_like()?;
        state.insert("selector.class_acc".to_owned(), status);
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
        let config = FlexMatchConfig::default().with_leaf(leaf);
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
    let mut algorithm = flex_match(&leaf)?;
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

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: FlexMatchConfig, task: Task| {
        let error = config.build(&task).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = FlexMatchConfig {
        curriculum: CurriculumConfig {
            threshold: 1.5,
            ..Default::default()
        },
        ..Default::default()
    };
    assert_eq!(build(threshold, task()), "threshold = 1.5, expected 0 to 1");
    let lambda = FlexMatchConfig {
        lambda_u: -1.,
        ..Default::default()
    };
    assert_eq!(build(lambda, task()), "lambda_u = -1, expected 0 or more");
    assert_eq!(
        build(FlexMatchConfig::default(), Task::new(7)),
        "training_faces of the task = 0, expected at least 1"
    );
    assert_eq!(
        build(FlexMatchConfig::default(), Task::new(1)),
        "num_classes = 1, expected at least 2"
    );
}
