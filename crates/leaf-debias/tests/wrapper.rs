//! DebiasPL around FixMatch and around an algorithm of one's own.

use candle_core::{DType, Device, Tensor};
use leaf_core::{LeafConfig, Mode, cross_entropy};
use leaf_debias::{Debias, DebiasConfig, PREDICTED_SHARES};
use leaf_fixmatch::FixMatchConfig;
use leaf_ssl::{
    Algorithm, Batch, Context, Heads, LossSum, Losses, Network, Result, State, Stateful, Step,
    Task, ViewPass, Views,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_rejected_faces_cost_nothing,
    assert_resumes, batch, strong_gradients, task,
};

type Boxed = Box<dyn Algorithm>;

/// Low enough for features of unit length, which predict nothing surely.
fn fixmatch(leaf: &LeafConfig) -> Result<Boxed> {
    fixmatch_from(0.16, leaf)
}

fn fixmatch_from(threshold: f64, leaf: &LeafConfig) -> Result<Boxed> {
    let config = FixMatchConfig {
        threshold,
        ..FixMatchConfig::default()
    };
    Ok(Box::new(config.with_leaf(leaf.clone()).build(&task())?))
}

/// Two weak views must be predicted alike, as in the Pi-Model; counts its steps and wants a projection.
#[derive(Default)]
struct Alike {
    steps: f64,
}

impl Algorithm for Alike {
    fn name(&self) -> &str {
        "alike"
    }

    fn views(&self) -> Views {
        Views {
            weak: 2,
            ..Views::NONE
        }
    }

    fn heads(&self) -> Heads {
        Heads::projection(5)
    }

    fn loss(&mut self, context: &Context, batch: &Batch, _step: Step) -> Result<Losses> {
        self.steps += 1.;
        let pass = |images: &Tensor, mode| ViewPass::new(&context.student.forward(images, mode)?);
        let labeled = pass(&batch.labeled.images, Mode::Train)?;
        let weak = &batch.unlabeled.weak;
        let target = context.target(&pass(&weak[0], Mode::Teacher)?.logits)?;
        let trained = context.trained(&pass(&weak[1], Mode::Train)?.logits)?;
        let difference = (trained.probs()?.tensor() - target.probs()?.tensor())?;
        let mut sum = LossSum::supervised(&labeled.logits, &batch.labeled.labels, 1.)?;
        sum.add("alike", difference.sqr()?.mean_all()?, 10. + self.steps)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for Alike {
    fn state(&self) -> Result<State> {
        let steps = Tensor::new(&[self.steps], &Device::Cpu)?;
        Ok(State::from([("steps".to_owned(), steps)]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.steps = leaf_ssl::state_entry(state, "steps", &[1])?.to_vec1::<f64>()?[0];
        Ok(())
    }
}

fn alike(_leaf: &LeafConfig) -> Result<Boxed> {
    Ok(Box::new(Alike::default()))
}

fn debiased(strength: f64, base: Boxed) -> Result<Debias<Boxed>> {
    let config = DebiasConfig {
        strength,
        momentum: 0.9,
    };
    config.around(base, &task())
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

fn presets() -> [(&'static str, LeafConfig); 4] {
    [
        ("plain", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ]
}

#[test]
fn strength_zero_is_the_base_bit_for_bit() -> Result<()> {
    for build in [fixmatch, alike] {
        for (name, leaf) in presets() {
            let base = run(build(&leaf)?, &leaf)?;
            assert!(base == run(debiased(0., build(&leaf)?)?, &leaf)?, "{name}");
            let shifted = run(debiased(0.4, build(&leaf)?)?, &leaf)?;
            assert!(base != shifted, "{name}");
        }
    }
    Ok(())
}

#[test]
fn names_views_and_heads_are_the_bases() -> Result<()> {
    let off = LeafConfig::off();
    let wrapped = debiased(0.4, fixmatch(&off)?)?;
    assert_eq!(wrapped.name(), "FixMatch + DebiasPL");
    let wrapped = debiased(0.4, alike(&off)?)?;
    assert_eq!(wrapped.name(), "alike + DebiasPL");
    assert_eq!(wrapped.views(), Alike::default().views());
    assert_eq!(wrapped.heads(), Heads::projection(5));
    // A base of a known type, and a wrapper in a wrapper.
    let config = DebiasConfig::default();
    let twice = config.around(config.around(Alike::default(), &task())?, &task())?;
    assert_eq!(twice.name(), "alike + DebiasPL + DebiasPL");
    Ok(())
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let powers: Vec<f64> = row.iter().map(|z| z.exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

fn shifted(row: &[f64], prior: &[f64], strength: f64) -> Vec<f64> {
    let pairs = row.iter().zip(prior);
    pairs.map(|(z, p)| z + strength * p.ln()).collect()
}

/// FixMatch's rule in plain loops, with both shifts.
#[test]
fn fixmatch_with_it_is_the_rule_in_plain_loops() -> Result<()> {
    const STRENGTH: f64 = 0.8;
    let off = LeafConfig::off();
    let mut algorithm = debiased(STRENGTH, fixmatch(&off)?)?;
    let trial = Trial::new(&off, &algorithm)?;
    let logits = |images: &Tensor| -> Result<Vec<Vec<f64>>> {
        let output = trial.student.forward(images, Mode::Eval)?;
        Ok(output.logits.to_dtype(DType::F64)?.to_vec2()?)
    };
    let mut prior = vec![1. / CLASSES as f64; CLASSES];
    let mut accepted = 0;
    for index in 0..STEPS {
        let batch = batch(index, algorithm.views())?;
        let weak = logits(&batch.unlabeled.weak[0])?;
        let strong = logits(&batch.unlabeled.strong[0])?;
        let before = prior.clone();
        for (class, prior) in prior.iter_mut().enumerate() {
            let mean: f64 = weak.iter().map(|row| softmax(row)[class]).sum::<f64>();
            *prior = 0.9 * *prior + 0.1 * mean / weak.len() as f64;
        }
        let faces = weak.iter().zip(&strong).map(|(weak, strong)| {
            let probs = softmax(&shifted(weak, &prior, -STRENGTH));
            let best = (0..CLASSES).max_by(|&a, &b| probs[a].total_cmp(&probs[b]));
            let class = best.expect("classes");
            match probs[class] >= 0.16 {
                true => Some(-softmax(&shifted(strong, &before, STRENGTH))[class].ln()),
                false => None,
            }
        });
        let faces: Vec<Option<f64>> = faces.collect();
        accepted += faces.iter().flatten().count();
        let expected = faces.iter().flatten().sum::<f64>() / faces.len() as f64;
        let losses = trial.losses(&mut algorithm, &batch, index)?;
        let (name, term) = &losses.terms[1];
        assert_eq!(*name, "unlabeled");
        let found = f64::from(term.to_scalar::<f32>()?);
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        let (name, shares) = losses.diagnostics.last().expect("a measurement");
        assert_eq!(name, PREDICTED_SHARES);
        for found in [shares, algorithm.prior()] {
            for (found, expected) in entries(found)?.iter().zip(&prior) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
        let labeled = trial.student.forward(&batch.labeled.images, Mode::Eval)?;
        let supervised = cross_entropy(&labeled.logits, &batch.labeled.labels)?;
        let supervised = supervised.mean_all()?.to_scalar::<f32>()?;
        let found = losses.terms[0].1.to_scalar::<f32>()?;
        assert!((found - supervised).abs() < 1e-5, "labelled rows stay");
    }
    assert!(accepted > 0 && accepted < 28 * STEPS, "{accepted}");
    Ok(())
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    for (name, leaf) in presets() {
        let mut algorithm = debiased(0.4, fixmatch(&leaf)?)?;
        assert_every_parameter_learns(&leaf, &mut algorithm, |path| {
            // As in FixMatch: the released gate is dead, and at step 0 a robust expert's last layer is 0
            // and lets nothing through to the first.
            (name == "released" && path.contains(".gate."))
                || (name == "robust" && path.contains(".fc1."))
        })?;
    }
    Ok(())
}

#[test]
fn a_saved_run_goes_on_bit_for_bit() -> Result<()> {
    for leaf in [LeafConfig::off(), LeafConfig::robust()] {
        for build in [fixmatch, alike] {
            assert_resumes(&leaf, || Ok(Box::new(debiased(0.4, build(&leaf)?)?)))?;
        }
    }
    let saved = debiased(0.4, alike(&LeafConfig::off())?)?.state()?;
    let names: Vec<&str> = saved.keys().map(String::as_str).collect();
    assert_eq!(names, ["base.steps", "p_hat"]);
    Ok(())
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() -> Result<()> {
    let mut algorithm = debiased(0.4, alike(&LeafConfig::off())?)?;
    let mut state = algorithm.state()?;
    let mut shares = vec![0f64; CLASSES];
    shares[0] = 1.;
    state.insert("p_hat".to_owned(), Tensor::new(shares, &Device::Cpu)?);
    // The base's entry has another shape.
    let steps = Tensor::new(&[1f64, 2.], &Device::Cpu)?;
    state.insert("base.steps".to_owned(), steps);
    assert!(algorithm.load_state(&state).is_err());
    assert_eq!(entries(algorithm.prior())?, [1. / CLASSES as f64; CLASSES]);
    Ok(())
}

#[test]
fn accepted_faces_are_learned_and_rejected_ones_are_not() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let mut algorithm = debiased(0.4, fixmatch_from(0.2, &leaf)?)?;
        assert_rejected_faces_cost_nothing(&leaf, &mut algorithm)?;
        let faces = strong_gradients(&leaf, &mut algorithm, STEPS - 1)?;
        let learned = |face: &leaf_trial::Taught| face.weight > 0. && face.gradient > 0.;
        assert!(faces.iter().any(learned));
    }
    Ok(())
}

#[test]
fn a_failed_step_leaves_the_shares() -> Result<()> {
    let off = LeafConfig::off();
    let mut algorithm = debiased(0.4, fixmatch(&off)?)?;
    let trial = Trial::new(&off, &algorithm)?;
    let mut broken = batch(0, algorithm.views())?;
    broken.labeled.labels = Tensor::full(99u32, 14, &Device::Cpu)?;
    assert!(trial.losses(&mut algorithm, &broken, 0).is_err());
    assert_eq!(entries(algorithm.prior())?, [1. / CLASSES as f64; CLASSES]);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() -> Result<()> {
    let refused = |strength, momentum, classes| {
        let config = DebiasConfig { strength, momentum };
        let wrapped = config.around(Alike::default(), &Task::new(classes));
        wrapped.map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(-0.1, 0.9, 7), "strength = -0.1, expected 0 or more");
    assert_eq!(
        refused(f64::NAN, 0.9, 7),
        "strength = NaN, expected 0 or more"
    );
    assert_eq!(
        refused(0.4, 1., 7),
        "momentum = 1, expected 0 or more and less than 1"
    );
    assert_eq!(refused(0.4, 0.9, 1), "num_classes = 1, expected at least 2");
    let saved = debiased(0.4, Box::new(Alike::default()))?.state()?;
    let config = DebiasConfig::default();
    let mut other = config.around(Alike::default(), &Task::new(3))?;
    assert_eq!(
        other.load_state(&saved).unwrap_err().to_string(),
        "the saved state's entry \"p_hat\" has shape [7], expected [3]"
    );
    Ok(())
}
