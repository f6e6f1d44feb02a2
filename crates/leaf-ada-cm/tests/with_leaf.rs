//! LEAF in Ada-CM: off changes nothing, on reaches every parameter.

use leaf_ada_cm::{AdaCm, AdaCmConfig};
use leaf_core::{ContrastiveConfig, ForwardPlan, LeafConfig, MarginConfig};
use leaf_ssl::{
    AdaptiveMargins, Algorithm, CONFIDENCE, CrossEntropy, HardLabels, Result, Stateful, Task,
    Views, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_resumes, batch, largest_gradients,
    strong_gradients, task,
};

/// A floor that most of the trial's faces reach, and margins that stay there.
const MARGINS: MarginConfig = MarginConfig {
    floor: 0.17,
    scale: 0.,
};

/// Margins low enough for the trial's faces, wherever the preset has them.
fn leaf_with_margins(leaf: LeafConfig, margins: MarginConfig) -> LeafConfig {
    LeafConfig {
        margins: leaf.margins.map(|_| margins),
        ..leaf
    }
}

fn ada_cm(leaf: &LeafConfig, margins: MarginConfig) -> Result<AdaCm> {
    let config = AdaCmConfig {
        margins,
        ..AdaCmConfig::default()
    };
    let leaf = leaf_with_margins(leaf.clone(), margins);
    config.with_leaf(leaf).build(&task())
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

#[test]
fn leaf_switched_off_equals_plain_ada_cm_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: AdaCm<CrossEntropy> = WeakStrong::new(
        "Ada-CM",
        HardLabels::new(None, CLASSES)?,
        AdaptiveMargins::new(MARGINS, CLASSES)?,
        CrossEntropy,
        WeakStrongConfig {
            supervised_weight: 0.5,
            weak_views: 2,
            contrastive: Some(ContrastiveConfig::default()),
            forward: ForwardPlan::Separate,
            ..WeakStrongConfig::new(1., &off)
        },
    )?;
    let plain = run(plain, &off)?;
    assert!(plain == run(ada_cm(&off, MARGINS)?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(ada_cm(&robust, MARGINS)?, &robust)?);
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
        assert_every_parameter_learns(&leaf, &mut ada_cm(&leaf, MARGINS)?, |path| {
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
    // So low a floor that margins follow the predictions from the second epoch on.
    let floor = 0.15;
    let margins = MarginConfig { floor, scale: 0.97 };
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::released(),
    ] {
        assert_resumes(&leaf, || Ok(Box::new(ada_cm(&leaf, margins)?)))?;
        let mut algorithm = ada_cm(&leaf, margins)?;
        Trial::new(&leaf, &algorithm)?.train(&mut algorithm, 0..STEPS)?;
        let margins = entries(&algorithm.state()?["selector.margins"])?;
        assert!(margins.iter().any(|&margin| margin > floor), "{margins:?}");
    }
    Ok(())
}

#[test]
fn accepted_faces_teach() -> Result<()> {
    let floor = MarginConfig {
        floor: 0.,
        scale: 0.,
    };
    let config = AdaCmConfig {
        margins: floor,
        supervised_weight: 0.,
        ..AdaCmConfig::default()
    };
    let mut algorithm = config.build(&task())?;
    let trial = Trial::new(&config.leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    // Nobody is rejected, so there is no contrast.
    let names: Vec<&str> = losses.terms.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["supervised", "unlabeled"]);
    assert!(entries(&losses.terms[1].1)?[0] > 0.);
    for (name, gradient) in largest_gradients(&config.leaf, &mut algorithm, 0)? {
        assert!(gradient.is_some_and(|gradient| gradient > 0.), "{name}");
    }
    Ok(())
}

/// What some of the first step's faces reach and some do not.
fn mean_confidence(leaf: &LeafConfig) -> Result<f64> {
    let mut algorithm = ada_cm(leaf, MARGINS)?;
    let trial = Trial::new(leaf, &algorithm)?;
    let batch = batch(0, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, 0)?;
    let mut found = losses.diagnostics.iter();
    let confidence = found.find(|(name, _)| name == CONFIDENCE);
    Ok(entries(&confidence.expect("a measurement").1)?[0])
}

#[test]
fn rejected_faces_teach_nothing_but_under_the_released_mask() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    // Dropout can hide a face of 16 features altogether.
    let released = LeafConfig {
        dropout: 0.,
        ..LeafConfig::released()
    };
    for (leaf, leaks) in [(LeafConfig::off(), false), (paper, false), (released, true)] {
        let margins = MarginConfig {
            floor: mean_confidence(&leaf)?,
            ..MARGINS
        };
        let faces = strong_gradients(&leaf, &mut ada_cm(&leaf, margins)?, 0)?;
        let rejected = faces.iter().filter(|face| face.weight == 0.).count();
        assert!(0 < rejected && rejected < faces.len(), "{faces:?}");
        for face in faces {
            let teaches = leaks || face.weight > 0.;
            assert_eq!(face.gradient > 0., teaches, "{face:?}");
        }
    }
    Ok(())
}

#[test]
fn every_preset_needs_what_ada_cm_needs() -> Result<()> {
    let expected = Views {
        weak: 2,
        average: true,
        labeled_pass: true,
        ..Views::WEAK_STRONG
    };
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::paper(),
        LeafConfig::released(),
    ] {
        let config = AdaCmConfig::default().with_leaf(leaf);
        assert_eq!(config.build(&task())?.views(), expected);
    }
    let alone = AdaCmConfig {
        contrastive: None,
        ..AdaCmConfig::default()
    };
    assert_eq!(alone.build(&task())?.views(), expected);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: AdaCmConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let margins = AdaCmConfig {
        margins: MarginConfig {
            floor: -0.1,
            ..Default::default()
        },
        ..Default::default()
    };
    assert_eq!(build(margins, 7), "margins.floor = -0.1, expected 0 to 1");
    let supervised = AdaCmConfig {
        supervised_weight: -0.5,
        ..Default::default()
    };
    assert_eq!(
        build(supervised, 7),
        "supervised_weight = -0.5, expected 0 or more"
    );
    let contrastive = AdaCmConfig {
        contrastive: Some(ContrastiveConfig {
            temperature: 0.,
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        build(contrastive, 7),
        "contrastive.temperature = 0, expected more than 0"
    );
    assert_eq!(
        build(AdaCmConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
