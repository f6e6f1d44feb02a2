//! LEAF in CoMatch and SimMatch: off changes nothing, on reaches every parameter.

use std::collections::BTreeMap;

use leaf_comatch::{CoMatchConfig, SimMatchConfig};
use leaf_core::{Faces, LeafConfig};
use leaf_ssl::{
    Algorithm, CrossEntropy, FixedThreshold, Result, SoftLabels, Task, Views, WeakStrong,
    WeakStrongConfig,
};
use leaf_trial::{
    STEPS, Trial, assert_every_parameter_learns, assert_rejected_faces_cost_nothing,
    assert_resumes, batch, strong_gradients, task,
};

fn comatch(leaf: LeafConfig) -> CoMatchConfig {
    CoMatchConfig {
        threshold: 0.17,
        graph_threshold: 0.16,
        queue_batches: 3,
        projection: 8,
        ..CoMatchConfig::default()
    }
    .with_leaf(leaf)
}

fn simmatch(leaf: LeafConfig) -> SimMatchConfig {
    SimMatchConfig {
        threshold: 0.17,
        projection: 8,
        ..SimMatchConfig::default()
    }
    .with_leaf(leaf)
}

type Boxed = Box<dyn Algorithm>;

fn both(leaf: &LeafConfig) -> Result<[Boxed; 2]> {
    Ok([
        Box::new(comatch(leaf.clone()).build(&task())?),
        Box::new(simmatch(leaf.clone()).build(&task())?),
    ])
}

/// The weights but those of the projection after a whole run, bit for bit.
fn run(mut algorithm: Boxed, leaf: &LeafConfig) -> Result<BTreeMap<String, Vec<u32>>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    let weights = trial.parameters.trainable().into_iter();
    weights
        .filter(|(path, _)| !path.starts_with("auxiliary."))
        .map(|(path, var)| {
            let values = var.flatten_all()?.to_vec1::<f32>()?;
            Ok((path, values.into_iter().map(f32::to_bits).collect()))
        })
        .collect()
}

#[test]
fn without_what_is_theirs_both_are_the_soft_host_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let host = WeakStrong::new(
        "soft labels",
        SoftLabels::new(1.)?,
        FixedThreshold::new(0.17)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let host = run(Box::new(host), &off)?;
    let co = CoMatchConfig {
        lambda_c: 0.,
        smoothing: 1.,
        alignment: None,
        ..comatch(off.clone())
    };
    assert!(host == run(Box::new(co.build(&task())?), &off)?);
    let sim = SimMatchConfig {
        lambda_in: 0.,
        smoothing: 1.,
        alignment: None,
        ..simmatch(off.clone())
    };
    assert!(host == run(Box::new(sim.build(&task())?), &off)?);
    for algorithm in both(&off)? {
        assert!(host != run(algorithm, &off)?);
    }
    Ok(())
}

#[test]
fn leaf_changes_what_is_learned() -> Result<()> {
    let (off, robust) = (LeafConfig::off(), LeafConfig::robust());
    for (off, robust) in both(&off)?.into_iter().zip(both(&robust)?) {
        let name = off.name().to_owned();
        let bits = run(off, &LeafConfig::off())?;
        let encoder = |bits: BTreeMap<String, Vec<u32>>| bits["encoder.weight"].clone();
        assert!(
            encoder(bits) != encoder(run(robust, &LeafConfig::robust())?),
            "{name}"
        );
    }
    Ok(())
}

#[test]
fn fused_features_are_compared_where_leaf_says_so() -> Result<()> {
    for (leaf, compared) in [(LeafConfig::robust(), true), (LeafConfig::paper(), false)] {
        for mut algorithm in both(&leaf)? {
            let trial = Trial::new(&leaf, &algorithm)?;
            let batch = batch(STEPS - 1, algorithm.views())?;
            let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
            let mut terms = losses.terms.iter();
            let found = terms.find(|(name, _)| *name == "invariance");
            assert_eq!(found.is_some(), compared, "{}", algorithm.name());
            if let Some((_, term)) = found {
                let (total, distance): (f32, f32) = (losses.total.to_scalar()?, term.to_scalar()?);
                assert!(distance > 0. && total > distance);
            }
        }
    }
    Ok(())
}

#[test]
fn views_and_heads_are_asked_for() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::released()] {
        let [co, sim] = both(&leaf)?;
        let two = Views {
            strong: 2,
            ..Views::WEAK_STRONG
        };
        assert_eq!(co.views(), two);
        let places = Views {
            labeled_index: true,
            ..Views::WEAK_STRONG
        };
        assert_eq!(sim.views(), places);
        for algorithm in [co, sim] {
            assert_eq!(algorithm.heads().projection, Some(8));
        }
    }
    // The contrast of two weak views is dropped, the rest is kept.
    let config = comatch(LeafConfig::released());
    let expected = LeafConfig {
        contrastive: None,
        ..LeafConfig::released()
    };
    assert_eq!(config.leaf, expected);
    let robust = simmatch(LeafConfig::robust()).leaf.category;
    assert_eq!(robust.map(|category| category.faces), Some(Faces::All));
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
        for mut algorithm in both(&leaf)? {
            assert_every_parameter_learns(&leaf, &mut *algorithm, |path| {
                // The released gate's one weight is the constant 1 and its balance is dropped: it is
                // dead. At step 0 a robust expert's last layer is 0 and lets nothing through to the first.
                (name == "released" && path.contains(".gate."))
                    || (name == "robust" && path.contains("experts") && path.contains(".fc1."))
            })?;
        }
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
            let [co, _] = both(&leaf)?;
            Ok(co)
        })?;
        assert_resumes(&leaf, || {
            let [_, sim] = both(&leaf)?;
            Ok(sim)
        })?;
    }
    Ok(())
}

/// The terms that compare faces with each other are left out, as the balance of all strong rows is.
#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let co = CoMatchConfig {
            lambda_c: 0.,
            ..comatch(leaf.clone())
        };
        assert_rejected_faces_cost_nothing(&leaf, &mut co.build(&task())?)?;
        let sim = SimMatchConfig {
            lambda_in: 0.,
            ..simmatch(leaf.clone())
        };
        assert_rejected_faces_cost_nothing(&leaf, &mut sim.build(&task())?)?;
    }
    Ok(())
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::paper(),
        LeafConfig::released(),
    ] {
        for mut algorithm in both(&leaf)? {
            let trial = Trial::new(&leaf, &algorithm)?;
            let batch = batch(STEPS - 1, algorithm.views())?;
            let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
            for (name, term) in &losses.terms[1..3] {
                assert!(term.to_scalar::<f32>()? > 0., "{name}");
            }
            let faces = strong_gradients(&leaf, &mut *algorithm, STEPS - 1)?;
            let learned = |face: &leaf_trial::Taught| face.weight > 0. && face.gradient > 0.;
            assert!(faces.iter().any(learned));
        }
    }
    Ok(())
}

fn refused_comatch(change: impl Fn(&mut CoMatchConfig)) -> String {
    let mut config = CoMatchConfig::default();
    change(&mut config);
    let error = config.build(&task()).map(|_| ()).unwrap_err();
    error.to_string()
}

fn refused_simmatch(change: impl Fn(&mut SimMatchConfig), task: &Task) -> String {
    let mut config = SimMatchConfig::default();
    change(&mut config);
    let error = config.build(task).map(|_| ()).unwrap_err();
    error.to_string()
}

#[test]
fn wrong_configurations_are_refused() {
    for (found, expected) in [
        (
            refused_comatch(|c| c.threshold = 1.5),
            "threshold = 1.5, expected 0 to 1",
        ),
        (
            refused_comatch(|c| c.lambda_u = -1.),
            "lambda_u = -1, expected 0 or more",
        ),
        (
            refused_comatch(|c| c.lambda_c = f64::NAN),
            "lambda_c = NaN, expected 0 or more",
        ),
        (
            refused_comatch(|c| c.temperature = 0.),
            "temperature = 0, expected more than 0",
        ),
        (
            refused_comatch(|c| c.graph_threshold = 2.),
            "graph_threshold = 2, expected 0 to 1",
        ),
        (
            refused_comatch(|c| c.smoothing = -0.1),
            "smoothing = -0.1, expected 0 to 1",
        ),
        (
            refused_comatch(|c| c.queue_batches = 0),
            "queue_batches = 0, expected at least 1",
        ),
        (
            refused_comatch(|c| c.projection = 0),
            "projection = 0, expected at least 1",
        ),
        (
            refused_comatch(|c| c.alignment.as_mut().expect("the default").length = 0),
            "alignment.length = 0, expected at least 1",
        ),
        (
            refused_simmatch(|c| c.lambda_in = -1., &task()),
            "lambda_in = -1, expected 0 or more",
        ),
        (
            refused_simmatch(|c| c.temperature = f64::INFINITY, &task()),
            "temperature = inf, expected more than 0",
        ),
        (
            refused_simmatch(|c| c.bank_momentum = 1., &task()),
            "bank_momentum = 1, expected 0 or more and less than 1",
        ),
        (
            refused_simmatch(|c| c.projection = 0, &task()),
            "projection = 0, expected at least 1",
        ),
        (
            refused_simmatch(|_| (), &Task::new(1)),
            "num_classes = 1, expected at least 2",
        ),
        (
            refused_simmatch(|_| (), &Task::new(7)),
            "the trainer needs a list of the labelled faces' places and classes \
             (Task::with_labeled), and there is none",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_bank_starts_as_the_task_is_seeded() -> Result<()> {
    let start = |seed: u64| -> Result<Vec<Vec<f64>>> {
        let algorithm = simmatch(LeafConfig::off()).build(&task().with_seed(seed))?;
        use leaf_ssl::Stateful;
        Ok(algorithm.state()?["bank.mem_bank"].to_vec2()?)
    };
    assert_eq!(start(3)?, start(3)?);
    assert_ne!(start(3)?, start(4)?);
    Ok(())
}

#[test]
fn a_contrast_without_a_place_is_refused() {
    let config = CoMatchConfig {
        leaf: LeafConfig::released(),
        ..CoMatchConfig::default()
    };
    let error = config.build(&task()).map(|_| ()).unwrap_err().to_string();
    assert!(
        error.starts_with("leaf.contrastive has no place"),
        "{error}"
    );
    assert!(
        config
            .with_leaf(LeafConfig::released())
            .build(&task())
            .is_ok()
    );
}
