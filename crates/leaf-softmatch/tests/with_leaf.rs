//! LEAF in SoftMatch: off changes nothing, on reaches every parameter and all faces.

use candle_core::{Device, Tensor};
use leaf_core::{
    Alignment, CategoryDecoupling, DecouplingConfig, Faces, LeafConfig, Levels, Mode,
    positive_set_loss,
};
use leaf_softmatch::{SoftMatch, SoftMatchConfig};
use leaf_ssl::{
    Algorithm, AverageAlignment, CrossEntropy, Gaussian, GaussianConfig, HardLabels, Logits,
    Network, Result, Stateful, Task, UTILIZATION, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_resumes, batch, largest_gradients,
    strong_gradients, task,
};

/// An aligned confidence that some of the trial's faces reach and some do not.
const MEAN: f32 = 0.2;

/// Averages that move within a short run.
fn weighting() -> GaussianConfig {
    GaussianConfig {
        momentum: 0.9,
        ..GaussianConfig::default()
    }
}

fn soft_match(leaf: &LeafConfig) -> Result<SoftMatch> {
    let config = SoftMatchConfig {
        weighting: weighting(),
        ..SoftMatchConfig::default()
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
fn leaf_switched_off_equals_plain_softmatch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: SoftMatch<CrossEntropy> = WeakStrong::new(
        "SoftMatch",
        HardLabels::new(None, CLASSES)?,
        Gaussian::new(weighting(), CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = run(plain, &off)?;
    assert!(plain == run(soft_match(&off)?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(soft_match(&robust)?, &robust)?);
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
        assert_every_parameter_learns(&leaf, &mut soft_match(&leaf)?, |path| {
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
        assert_resumes(&leaf, || Ok(Box::new(soft_match(&leaf)?)))?;
    }
    Ok(())
}

/// Without the labelled faces' term all gradients are the unlabelled ones'.
#[test]
fn unlabeled_faces_teach() -> Result<()> {
    let leaf = LeafConfig {
        supervised_weight: 0.,
        ..LeafConfig::off()
    };
    let mut algorithm = soft_match(&leaf)?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let found = |name: &str| losses.diagnostics.iter().find(|(found, _)| found == name);
    let (_, utilization) = found(UTILIZATION).expect("a measurement");
    assert!(entries(utilization)?[0] > 0.9);
    let (name, unlabeled) = &losses.terms[1];
    assert_eq!(*name, "unlabeled");
    assert!(entries(unlabeled)?[0] > 0.);
    for (name, gradient) in largest_gradients(&leaf, &mut soft_match(&leaf)?, 0)? {
        assert!(gradient.is_some_and(|gradient| gradient > 0.), "{name}");
    }
    Ok(())
}

/// With a spread so small that some weights are rounded to 0.
#[test]
fn faces_without_weight_teach_nothing() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let config = SoftMatchConfig {
            weighting: GaussianConfig {
                momentum: 0.999_999,
                ..GaussianConfig::default()
            },
            ..SoftMatchConfig::default()
        };
        let mut algorithm = config.with_leaf(leaf.clone()).build(&task())?;
        let mut state = algorithm.state()?;
        for (name, value) in [("selector.mu", MEAN), ("selector.var", 1e-12)] {
            state.insert(name.to_owned(), Tensor::new(&[value], &Device::Cpu)?);
        }
        algorithm.load_state(&state)?;
        let faces = strong_gradients(&leaf, &mut algorithm, 0)?;
        let rejected = faces.iter().filter(|face| face.weight == 0.).count();
        assert!(0 < rejected, "{faces:?}");
        assert!(faces.iter().any(|face| face.weight == 1.), "{faces:?}");
        for face in faces {
            // A weight near the smallest number may leave no gradient either.
            assert!(face.weight > 0. || face.gradient == 0., "{face:?}");
            assert!(face.weight < 1e-9 || face.gradient > 0., "{face:?}");
        }
    }
    Ok(())
}

#[test]
fn the_robust_level_acts_by_the_hosts_weight() -> Result<()> {
    let faces = |leaf: LeafConfig| {
        let config = SoftMatchConfig::default().with_leaf(leaf);
        config.leaf.category.map(|level| level.faces)
    };
    assert_eq!(faces(LeafConfig::robust()), Some(Faces::Both));
    assert_eq!(faces(LeafConfig::paper()), Some(Faces::Accepted));
    assert_eq!(faces(LeafConfig::released()), Some(Faces::Accepted));
    assert_eq!(faces(LeafConfig::off()), None);

    // The level alone, so that no gate draws noise. The weights are those of the plain host.
    let leaf = LeafConfig::robust().with_levels(Levels {
        category: true,
        ..Levels::NONE
    });
    let mut algorithm = soft_match(&leaf)?;
    let trial = Trial::new(&leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let weights = losses.selection.expect("a selection").weights;

    let student = &trial.student;
    let weak = student.forward(&batch.unlabeled.weak[0], Mode::Teacher)?;
    let strong = student.forward(&batch.unlabeled.strong[0], Mode::Train)?;
    let weak = Logits::new(weak.logits)?.probs()?;
    let aligned = AverageAlignment::new(&Default::default(), CLASSES)?.align(&weak)?;
    let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), CLASSES)?;
    let sets = decoupling.decouple(aligned.tensor())?;
    let level = (positive_set_loss(&strong.logits, &sets)? * sets.weight)?;
    // At step 0 the ramp is 0, so nothing is added by 1 - m.
    let expected = (level * weights)?.mean_all()?;
    let (expected, found) = (entries(&expected)?[0], entries(&losses.terms[1].1)?[0]);
    assert!(
        found > 0. && (found - expected).abs() < 1e-6,
        "{found} {expected}"
    );
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: SoftMatchConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let with = |weighting: GaussianConfig| SoftMatchConfig {
        weighting,
        ..Default::default()
    };
    let momentum = with(GaussianConfig {
        momentum: -0.1,
        ..Default::default()
    });
    assert_eq!(
        build(momentum, 7),
        "momentum = -0.1, expected 0 or more and less than 1"
    );
    let n_sigma = with(GaussianConfig {
        n_sigma: 0.,
        ..Default::default()
    });
    assert_eq!(build(n_sigma, 7), "n_sigma = 0, expected more than 0");
    let alignment = with(GaussianConfig {
        alignment: Some(Alignment {
            momentum: 2.,
            ..Alignment::default()
        }),
        ..Default::default()
    });
    assert_eq!(
        build(alignment, 7),
        "alignment.momentum = 2, expected 0 or more and less than 1"
    );
    let lambda = SoftMatchConfig {
        lambda_u: f64::NAN,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = NaN, expected 0 or more");
    assert_eq!(
        build(SoftMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
