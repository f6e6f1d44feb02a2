//! The weak/strong composition on a small network.

mod invariance;

use std::cell::RefCell;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::ops::{log_softmax, softmax};
use leaf_core::{
    CategoryConfig, CategoryLoss, DecouplingConfig, Encoder, Faces, ForwardPlan, HeadOutput,
    LeafConfig, Linear, Masking, Mode, NoiseSource, Parameters, Random, leaf_head, linear,
};
use leaf_ssl::{
    Algorithm, Batch, CategoryLevel, Context, CrossEntropy, FixedThreshold, HardLabels, Labeled,
    LabeledFaces, Logits, LossBound, LossBoundConfig, Losses, Model, Network, PseudoLabeler,
    PseudoLabels, Result, Seen, SoftLabels, Stateful, Step, UTILIZATION, Unlabeled, UnlabeledFaces,
    UnlabeledLoss, ViewPass, Views, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;

const CLASSES: usize = 5;

fn step() -> Step {
    Step::new(50, 100)
}

/// A linear encoder: no row sees another.
struct Dense(Linear);

impl Encoder for Dense {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        self.0.forward(&mode.view(xs), mode)
    }

    fn feature_dim(&self) -> usize {
        8
    }
}

fn normal(seed: u64, rows: usize, columns: usize) -> Result<Tensor> {
    let mut random = Random::new(seed);
    Ok(random.normal_tensor(0., 1., (rows, columns), DType::F64, &Device::Cpu)?)
}

fn network(parameters: &Parameters, leaf: &LeafConfig) -> Result<Model<Dense>> {
    let vb = parameters.builder(DType::F64, &Device::Cpu);
    let noise = NoiseSource::new(Random::new(7));
    Ok(Model::new(
        Dense(linear(4, 8, vb.pp("encoder"))?),
        leaf_head(leaf, 8, CLASSES, vb.pp("head"), &noise)?,
    ))
}

fn batch(weak_views: usize) -> Result<Batch> {
    Ok(Batch {
        labeled: Labeled {
            images: normal(1, 5, 4)?,
            labels: Tensor::new(&[0u32, 1, 2, 3, 4], &Device::Cpu)?,
            index: (0..5).collect(),
        },
        unlabeled: Unlabeled {
            weak: (0..weak_views)
                .map(|view| normal(2 + view as u64, 9, 4))
                .collect::<Result<_>>()?,
            strong: vec![normal(9, 9, 4)?],
            ..Unlabeled::default()
        },
    })
}

type FixMatch = WeakStrong<HardLabels, FixedThreshold, CrossEntropy>;

fn fix_match(threshold: f64, leaf: &LeafConfig) -> Result<FixMatch> {
    WeakStrong::new(
        "FixMatch",
        HardLabels::new(None, CLASSES)?,
        FixedThreshold::new(threshold)?,
        CrossEntropy,
        WeakStrongConfig::new(1., leaf),
    )
}

fn loss(algorithm: &mut dyn Algorithm, network: &Model<Dense>, batch: &Batch) -> Result<Losses> {
    algorithm.loss(&Context::new(network), batch, step())
}

fn diagnostic(losses: &Losses, name: &str) -> f64 {
    let found = losses.diagnostics.iter().find(|(found, _)| found == name);
    let (_, value) = found.unwrap_or_else(|| panic!("{name} is not among the diagnostics"));
    entries(value).expect("a number")[0]
}

#[test]
fn both_plans_agree_where_rows_do_not_see_each_other() -> Result<()> {
    let parameters = Parameters::new(0);
    let network = network(&parameters, &LeafConfig::off())?;
    let total = |forward: ForwardPlan| -> Result<f64> {
        let leaf = LeafConfig {
            forward,
            ..LeafConfig::off()
        };
        let losses = loss(&mut fix_match(0.2, &leaf)?, &network, &batch(1)?)?;
        Ok(entries(&losses.total)?[0])
    };
    let (one, many) = (
        total(ForwardPlan::Concatenated)?,
        total(ForwardPlan::Separate)?,
    );
    assert!((one - many).abs() < 1e-12, "{one} {many}");
    Ok(())
}

#[test]
fn rejected_faces_count_as_zero_in_the_mean() -> Result<()> {
    let parameters = Parameters::new(0);
    let network = network(&parameters, &LeafConfig::off())?;
    let mut algorithm = fix_match(1., &LeafConfig::off())?;
    let losses = loss(&mut algorithm, &network, &batch(1)?)?;
    let supervised = entries(&losses.terms[0].1)?[0];
    assert_eq!(diagnostic(&losses, UTILIZATION), 0.);
    assert_eq!(entries(&losses.total)?[0], supervised);
    assert!(entries(&losses.total)?[0] > 0.);
    Ok(())
}

#[test]
fn missing_views_are_named() -> Result<()> {
    let parameters = Parameters::new(0);
    let leaf = LeafConfig::released();
    let network = network(&parameters, &leaf)?;
    let mut algorithm = fix_match(0.9, &leaf)?;
    let pair = Views {
        weak: 2,
        ..Views::WEAK_STRONG
    };
    assert_eq!(algorithm.views(), pair);
    let error = loss(&mut algorithm, &network, &batch(1)?).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the batch has 1 weak views, the trainer needs 2"
    );
    Ok(())
}

/// Weak logits of which the first two faces are sure and the rest are not.
fn weak_logits() -> Result<Tensor> {
    let sure = Tensor::new(
        &[[9f64, 0., 0., 0., 0.], [0., 9., 0., 0., 0.]],
        &Device::Cpu,
    )?;
    Ok(Tensor::cat(&[&sure, &normal(3, 4, CLASSES)?], 0)?)
}

/// The gradient of each face's strong logits, summed over classes by magnitude.
fn strong_gradients(config: &CategoryConfig) -> Result<Vec<f64>> {
    let weak = ViewPass::of_logits(Logits::new(weak_logits()?)?);
    let truth = Tensor::zeros(6, DType::U32, &Device::Cpu)?;
    let seen = Seen::new(vec![weak.clone()], weak, truth, step());
    let labels: PseudoLabels = HardLabels::new(None, CLASSES)?.label(&seen)?;
    let weights = labels.confidence.ge(0.95)?.to_dtype(DType::F64)?;
    assert_eq!(entries(&weights)?, [1., 1., 0., 0., 0., 0.]);
    let strong = Var::from_tensor(&normal(4, 6, CLASSES)?)?;
    let losses = CategoryLevel::new(CrossEntropy, config, CLASSES)?.losses(&UnlabeledFaces {
        seen: &seen,
        strong: &Logits::new(strong.as_tensor().clone())?,
        labels: &labels,
        weights: &weights,
    })?;
    let grads = losses.losses.mean_all()?.backward()?;
    let grad = grads.get(&strong).expect("a gradient");
    Ok(entries(&grad.abs()?.sum(1)?)?)
}

#[test]
fn a_rejected_face_has_no_gradient_per_face_and_some_under_the_scalar_mask() -> Result<()> {
    let category = |preset: LeafConfig| preset.category.expect("a category level");
    let per_face = strong_gradients(&category(LeafConfig::paper()))?;
    assert!(per_face[..2].iter().all(|&g| g > 0.), "{per_face:?}");
    assert_eq!(per_face[2..], [0.; 4]);

    let scalar = strong_gradients(&category(LeafConfig::released()))?;
    assert!(scalar.iter().all(|&g| g > 0.), "{scalar:?}");
    Ok(())
}

#[test]
fn the_level_on_rejected_faces_leaves_accepted_ones_to_cross_entropy() -> Result<()> {
    let on_rejected = CategoryConfig {
        loss: CategoryLoss::Set,
        faces: Faces::Rejected,
        ..CategoryConfig::default()
    };
    let all = strong_gradients(&on_rejected)?;
    assert!(all.iter().all(|&g| g > 0.), "{all:?}");
    let off = CategoryConfig {
        weight: 0.,
        ..on_rejected.clone()
    };
    let host = strong_gradients(&off)?;
    assert_eq!(all[..2], host[..2]);
    assert_eq!(host[2..], [0.; 4]);
    let everywhere = strong_gradients(&CategoryConfig {
        faces: Faces::All,
        masking: Masking::PerFace,
        ..on_rejected
    })?;
    assert_eq!(everywhere[2..], all[2..]);
    Ok(())
}

#[test]
fn the_robust_level_is_cross_entropy_against_the_softened_prediction() -> Result<()> {
    let robust = LeafConfig::robust().category.expect("a category level");
    for alignment in [robust.alignment.clone(), None] {
        assert_soft_cross_entropy(&CategoryConfig {
            alignment,
            ..robust.clone()
        })?;
    }
    Ok(())
}

fn assert_soft_cross_entropy(config: &CategoryConfig) -> Result<()> {
    let config = CategoryConfig {
        decoupling: DecouplingConfig {
            teacher_temperature: 1.5,
            ..DecouplingConfig::default()
        },
        ..config.clone()
    };
    let weak = ViewPass::of_logits(Logits::new(weak_logits()?)?);
    let truth = Tensor::zeros(6, DType::U32, &Device::Cpu)?;
    let seen = Seen::new(vec![weak.clone()], weak.clone(), truth, step());
    let labels: PseudoLabels = HardLabels::new(None, CLASSES)?.label(&seen)?;
    let strong = Logits::new(normal(4, 6, CLASSES)?)?;
    let found = CategoryLevel::new(CrossEntropy, &config, CLASSES)?.losses(&UnlabeledFaces {
        seen: &seen,
        strong: &strong,
        labels: &labels,
        // Which faces the host accepts does not matter.
        weights: &Tensor::zeros(6, DType::F64, &Device::Cpu)?,
    })?;

    // In the first step the running average is the batch's mean; the target is a fifth for each of the five classes.
    let weak = softmax(weak.logits.tensor(), 1)?.to_vec2::<f64>()?;
    let strong = log_softmax(strong.tensor(), 1)?.to_vec2::<f64>()?;
    let mean = |class: usize| weak.iter().map(|row| row[class]).sum::<f64>() / 6.;
    let ratio = |class: usize| match config.alignment {
        Some(_) => (0.2 + 1e-6) / (mean(class) + 1e-6),
        None => 1.,
    };
    let softened = |row: &[f64]| {
        let powers = (0..CLASSES).map(|class| (row[class] * ratio(class)).powf(1. / 1.5));
        let powers: Vec<f64> = powers.collect();
        let sum: f64 = powers.iter().sum();
        let share = |power: f64| power / sum;
        powers.into_iter().map(share).collect::<Vec<f64>>()
    };
    for ((weak, strong), found) in weak.iter().zip(&strong).zip(entries(&found.losses)?) {
        let degrees = softened(weak);
        let terms = degrees.iter().zip(strong).map(|(q, log_p)| -q * log_p);
        let loss: f64 = terms.sum();
        let weight = linear_weight(degrees, &config.decoupling);
        assert!(
            (found - weight * loss).abs() < 1e-9,
            "{found} {weight} {loss}"
        );
    }
    Ok(())
}

/// The weight of a prediction's set: `(a - b) / a`.
fn linear_weight(mut probs: Vec<f64>, config: &DecouplingConfig) -> f64 {
    probs.sort_by(|a, b| b.total_cmp(a));
    let sum_of = |n: usize| probs[..n].iter().sum::<f64>();
    let sizes = 1..=config.max_positives;
    let size = sizes.clone().find(|n| sum_of(n + 1) >= config.threshold);
    let size = size.unwrap_or(config.max_positives);
    let mean = sum_of(size + 1) / (size as f64 + 1.);
    (mean - probs[size]) / mean
}

#[test]
fn a_saved_state_goes_on_as_if_nothing_had_happened() -> Result<()> {
    let leaf = LeafConfig::robust();
    let category = leaf.category.clone().expect("a category level");
    let build = || -> Result<_> {
        WeakStrong::new(
            "FixMatch",
            HardLabels::new(Some(&Default::default()), CLASSES)?,
            FixedThreshold::new(0.3)?,
            CategoryLevel::new(CrossEntropy, &category, CLASSES)?,
            WeakStrongConfig::new(1., &leaf),
        )
    };
    let parameters = Parameters::new(0);
    let network = network(&parameters, &LeafConfig::off())?;
    let mut first = build()?;
    for _ in 0..3 {
        loss(&mut first, &network, &batch(1)?)?;
    }
    let state = first.state()?;
    let names: Vec<&str> = state.keys().map(String::as_str).collect();
    assert_eq!(names, ["labeler.p_model", "loss.alignment.p_model"]);
    let mut resumed = build()?;
    resumed.load_state(&state)?;
    // Another batch than before, so that the averages matter.
    let mut next = batch(1)?;
    next.unlabeled.weak = vec![normal(77, 9, 4)?];
    let a = entries(&loss(&mut first, &network, &next)?.total)?;
    let b = entries(&loss(&mut resumed, &network, &next)?.total)?;
    assert_eq!(a, b);
    let fresh = entries(&loss(&mut build()?, &network, &next)?.total)?;
    assert_ne!(a, fresh);
    Ok(())
}

/// Writes down the mode of each pass through the encoder.
struct Recorder<'a>(&'a Model<Dense>, RefCell<Vec<Mode>>);

impl Network for Recorder<'_> {
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        self.1.borrow_mut().push(mode);
        self.0.encode(images, mode)
    }

    fn head(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput> {
        self.0.head(features, mode)
    }

    fn num_classes(&self) -> usize {
        CLASSES
    }
}

/// The batch's labelled faces.
struct AllLabeled(Batch);

impl LabeledFaces for AllLabeled {
    fn pass(&self, _pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        let Labeled { images, labels, .. } = &self.0.labeled;
        Box::new(std::iter::once(Ok((images.clone(), labels.clone()))))
    }
}

/// Running statistics must not have seen the step's rows, and no graph is kept meanwhile.
#[test]
fn a_selector_looks_at_all_labelled_faces_before_the_steps_passes() -> Result<()> {
    let parameters = Parameters::new(0);
    let network = network(&parameters, &LeafConfig::off())?;
    let recorder = Recorder(&network, RefCell::default());
    let faces = AllLabeled(batch(1)?);
    let context = Context::new(&recorder).with_labeled(&faces);
    let mut dash = WeakStrong::new(
        "Dash",
        SoftLabels::new(0.5)?,
        LossBound::new(LossBoundConfig::default())?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    // A batch that does not fit costs no pass.
    assert!(dash.loss(&context, &batch(0)?, step()).is_err());
    assert!(recorder.1.borrow().is_empty());
    dash.loss(&context, &batch(1)?, step())?;
    assert_eq!(*recorder.1.borrow(), [Mode::Eval, Mode::Train]);
    Ok(())
}

/// The level alone, scaled: its sum is that of the host's cross-entropy.
#[test]
fn the_level_is_scaled_to_the_hosts_own_cross_entropy() -> Result<()> {
    let config = CategoryConfig {
        rescale: true,
        faces: Faces::All,
        ramp: 0.,
        ..LeafConfig::paper().category.expect("a category level")
    };
    let weak = ViewPass::of_logits(Logits::new(weak_logits()?)?);
    let truth = Tensor::zeros(6, DType::U32, &Device::Cpu)?;
    let seen = Seen::new(vec![weak.clone()], weak, truth, step());
    let strong = Logits::new(normal(4, 6, CLASSES)?)?;
    let soft = SoftLabels::new(2.)?.label(&seen)?;
    let hard = HardLabels::new(None, CLASSES)?.label(&seen)?;
    for labels in [soft, hard] {
        let weights = labels.confidence.ones_like()?;
        let level =
            CategoryLevel::new(CrossEntropy, &config, CLASSES)?.losses(&UnlabeledFaces {
                seen: &seen,
                strong: &strong,
                labels: &labels,
                weights: &weights,
            })?;
        let level = entries(&level.losses.mean_all()?)?[0];
        let host = entries(&labels.cross_entropy(&strong)?.mean_all()?)?[0];
        assert!((level - host).abs() < 1e-12, "{level} {host}");
    }
    Ok(())
}
