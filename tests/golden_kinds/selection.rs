//! Rules that choose and weigh pseudo-labels, over a sequence of steps.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Alignment, AlignmentTarget, CategoryConfig, CategoryDecoupling, CategoryLoss, DecouplingConfig,
    Faces, MarginConfig, Masking, adaptive_margins, positive_set_loss,
};
use leaf_ssl::{
    AverageAlignment, CategoryLevel, ClassThresholds, CrossEntropy, Curriculum, CurriculumConfig,
    FixedThreshold, Gaussian, GaussianConfig, HardLabels, Logits, PseudoLabeler, RelativeThreshold,
    Seen, Selector, SelfAdaptive, SelfAdaptiveConfig, SoftLabels, State, StatisticsOf, Step,
    Target, UnlabeledFaces, UnlabeledLoss, ViewPass, fairness,
};

use crate::case::{Case, Outcome};
use crate::losses::weighting;

/// The t-th entry along the first axis.
fn at(case: &Case, name: &str, t: usize) -> Outcome<Tensor> {
    Ok(case.tensor(name)?.get(t)?)
}

/// What is compared at each step, stacked over the steps at the end.
#[derive(Default)]
struct Track(BTreeMap<&'static str, Vec<Tensor>>);

impl Track {
    fn push(&mut self, name: &'static str, value: Tensor) {
        self.0.entry(name).or_default().push(value);
    }

    fn stacked(&self, name: &str) -> Outcome<Tensor> {
        let values = self.0.get(name).ok_or("nothing was tracked")?;
        Ok(Tensor::stack(values, 0)?)
    }
}

/// The t-th logits of that name, as a network would have given them.
fn pass_at(case: &Case, name: &str, t: usize) -> Outcome<ViewPass> {
    Ok(ViewPass::of_logits(Logits::new(at(case, name, t)?)?))
}

pub(crate) fn ada_margin(case: &Case) -> Outcome {
    let config = MarginConfig {
        floor: case.number("floor")?,
        scale: case.number("scale")?,
    };
    let first: usize = case.number("first_epoch")?;
    let num_classes: usize = case.number("classes")?;
    let mut labeler = HardLabels::new(None, num_classes)?;
    let mut track = Track::default();
    for t in 0..case.tensor("labels")?.dim(0)? {
        let labeled = pass_at(case, "labeled_logits", t)?;
        let labels = at(case, "labels", t)?;
        let probs = labeled.logits.probs()?;
        let margins = adaptive_margins(probs.tensor(), &labels, first + t, &config)?;
        track.push("thresholds", margins.clone());

        let weak = ["weak1_logits", "weak2_logits"].map(|name| pass_at(case, name, t));
        let weak = weak.into_iter().collect::<Outcome<_>>()?;
        let seen = Seen::new(weak, labeled, labels, Step::new(t, 1));
        let mut pseudo = labeler.label(&seen)?;
        track.push("pseudo_labels", pseudo.classes.clone());
        let mask = ClassThresholds::new(margins).select(&mut pseudo, &seen)?;
        track.push("mask", mask);
    }
    case.expect("thresholds", &track.stacked("thresholds")?)?;
    case.expect_exact("pseudo_labels", &track.stacked("pseudo_labels")?)?;
    case.expect_exact("mask", &track.stacked("mask")?)
}

pub(crate) fn fixmatch(case: &Case) -> Outcome {
    let mut selector = FixedThreshold::new(case.number("p_cutoff")?)?;
    run_hard(case, &mut selector, &mut CrossEntropy)
}

pub(crate) fn uda(case: &Case) -> Outcome {
    let mut labeler = SoftLabels::new(case.number("temperature")?)?;
    let mut selector = FixedThreshold::new(case.number("p_cutoff")?)?;
    match case.flag("hard_label")? {
        true => run_hard(case, &mut selector, &mut CrossEntropy),
        false => run(case, &mut labeler, &mut selector, &mut CrossEntropy),
    }
}

pub(crate) fn flexmatch(case: &Case) -> Outcome {
    let config = CurriculumConfig {
        threshold: case.number("p_cutoff")?,
        warmup: case.flag("thresh_warmup")?,
    };
    let mut selector =
        Curriculum::new(config, case.number("dataset_len")?, case.number("classes")?)?;
    run_hard(case, &mut selector, &mut CrossEntropy)
}

pub(crate) fn freematch(case: &Case) -> Outcome {
    let config = SelfAdaptiveConfig {
        momentum: case.number("momentum")?,
        quantile: case.flag("use_quantile")?,
        clip: case.flag("clip_thresh")?,
        ..SelfAdaptiveConfig::default()
    };
    let mut selector = SelfAdaptive::new(config, case.number("classes")?)?;
    run_hard(case, &mut selector, &mut CrossEntropy)
}

pub(crate) fn freematch_fairness(case: &Case) -> Outcome {
    let strong = case.var("strong_logits")?;
    let (average, histogram) = (case.tensor("p_model")?, case.tensor("label_hist")?);
    let loss = fairness(
        &Logits::new(strong.as_tensor().clone())?,
        &case.tensor("mask")?,
        &average.to_vec1::<f32>()?,
        &histogram.to_vec1::<f32>()?,
    )?;
    let loss = loss.ok_or("some faces are kept")?;
    case.expect("loss", &loss)?;
    let grads = loss.backward()?;
    let grad = grads.get(&strong).ok_or("no gradient")?;
    case.expect_gradient("grad.strong_logits", grad)
}

pub(crate) fn softmatch(case: &Case) -> Outcome {
    let alignment = match case.flag("dist_align")? {
        true => Some(Alignment {
            momentum: case.number("dist_align_momentum")?,
            target: AlignmentTarget::Uniform,
        }),
        false => None,
    };
    let config = GaussianConfig {
        momentum: case.number("momentum")?,
        n_sigma: case.number("n_sigma")?,
        alignment,
        statistics: StatisticsOf::Aligned,
    };
    let mut selector = Gaussian::new(config, case.number("classes")?)?;
    run_hard(case, &mut selector, &mut CrossEntropy)
}

pub(crate) fn adamatch(case: &Case) -> Outcome {
    if !case.flag("hard_label")? {
        return Err("only hard labels are known".into());
    }
    let mut labeler = HardLabels::tracking(case.number("momentum")?, case.number("classes")?)?;
    let mut selector = RelativeThreshold::new(case.number("p_cutoff")?)?;
    run(case, &mut labeler, &mut selector, &mut CrossEntropy)
}

pub(crate) fn leaf_rejected(case: &Case) -> Outcome {
    let num_classes: usize = case.number("classes")?;
    let target = match case.text("align")? {
        "uniform" => AlignmentTarget::Uniform,
        _ => AlignmentTarget::Given(normalized(&case.tensor("align_target")?)?),
    };
    let config = CategoryConfig {
        decoupling: DecouplingConfig {
            max_positives: case.number("max_positives")?,
            threshold: case.number("threshold")?,
            weighting: weighting(case)?,
            teacher_temperature: case.number("teacher_temperature")?,
        },
        alignment: Some(Alignment {
            momentum: case.number("align_momentum")?,
            target,
        }),
        loss: CategoryLoss::Set,
        faces: Faces::Rejected,
        masking: Masking::PerFace,
        rescale: false,
        weight: 1.,
        ramp: case.number("ramp_fraction")?,
    };
    sets_of_sequence(case, &config, num_classes)?;
    let mut selector = FixedThreshold::new(case.number("p_cutoff")?)?;
    let mut loss = CategoryLevel::new(CrossEntropy, &config, num_classes)?;
    run_hard(case, &mut selector, &mut loss)
}

/// Shares stored as f32 sum to 1 only within rounding.
fn normalized(shares: &Tensor) -> Outcome<Vec<f64>> {
    let shares: Vec<f64> = shares.to_dtype(DType::F64)?.to_vec1()?;
    let sum: f64 = shares.iter().sum();
    Ok(shares.iter().map(|share| share / sum).collect())
}

/// Aligned probabilities, sets, weights and set losses of each step.
fn sets_of_sequence(case: &Case, config: &CategoryConfig, num_classes: usize) -> Outcome {
    let alignment = config.alignment.as_ref().ok_or("the case aligns")?;
    let mut alignment = AverageAlignment::new(alignment, num_classes)?;
    let decoupling = CategoryDecoupling::new(config.decoupling.clone(), num_classes)?;
    let mut track = Track::default();
    for t in 0..case.tensor("index")?.dim(0)? {
        let weak = Logits::new(at(case, "weak_logits", t)?)?.probs()?;
        let aligned = alignment.align(&weak)?;
        let sets = decoupling.decouple(aligned.tensor())?;
        let strong = at(case, "strong_logits", t)?;
        track.push("set_loss", positive_set_loss(&strong, &sets)?);
        track.push("aligned", aligned.tensor().clone());
        track.push("positives", sets.positive);
        track.push("weight", sets.weight);
        let average = alignment.average().ok_or("an average after a step")?;
        track.push("p_model", average.clone());
    }
    for name in ["aligned", "weight", "set_loss", "p_model"] {
        case.expect(name, &track.stacked(name)?)?;
    }
    case.expect_exact("positives", &track.stacked("positives")?)
}

/// As [`run`], with the most probable classes as labels.
fn run_hard(case: &Case, selector: &mut dyn Selector, loss: &mut dyn UnlabeledLoss) -> Outcome {
    let classes = case.tensor("weak_logits")?.dim(2)?;
    run(case, &mut HardLabels::new(None, classes)?, selector, loss)
}

/// What the network would have seen at step t.
fn seen(case: &Case, t: usize) -> Outcome<Seen> {
    let (steps, _, classes) = case.tensor("weak_logits")?.dims3()?;
    let labeled = match case.has("labeled_logits") {
        true => pass_at(case, "labeled_logits", t)?,
        false => {
            let none = Tensor::zeros((0, classes), DType::F32, &Device::Cpu)?;
            ViewPass::of_logits(Logits::new(none)?)
        }
    };
    // No rule of these kinds reads the labelled faces' classes.
    let labels = Tensor::zeros(labeled.logits.tensor().dim(0)?, DType::U32, &Device::Cpu)?;
    let weak = vec![pass_at(case, "weak_logits", t)?];
    let mut seen = Seen::new(weak, labeled, labels, Step::new(t, steps));
    let index = at(case, "index", t)?.to_vec1::<i64>()?;
    seen.index = index.into_iter().map(|face| face as usize).collect();
    Ok(seen)
}

/// Labels, selects and loses at each step; compares targets, masks, losses, gradients and states.
fn run(
    case: &Case,
    labeler: &mut dyn PseudoLabeler,
    selector: &mut dyn Selector,
    loss: &mut dyn UnlabeledLoss,
) -> Outcome {
    let mut track = Track::default();
    let mut states: BTreeMap<String, Vec<Tensor>> = BTreeMap::new();
    let mut soft = false;
    for t in 0..case.tensor("index")?.dim(0)? {
        let seen = seen(case, t)?;
        let mut labels = labeler.label(&seen)?;
        let weights = selector.select(&mut labels, &seen)?;
        let strong = Var::from_tensor(&at(case, "strong_logits", t)?)?;
        let losses = loss.losses(&UnlabeledFaces {
            seen: &seen,
            strong: &Logits::new(strong.as_tensor().clone())?,
            labels: &labels,
            weights: &weights,
        })?;
        let mean = losses.losses.mean_all()?;
        let grads = mean.backward()?;
        track.push("grad", grads.get(&strong).ok_or("no gradient")?.clone());
        track.push("loss", mean);
        track.push("mask", weights);
        soft = matches!(labels.target, Target::Soft(_));
        let target = match labels.target {
            Target::Hard => labels.classes,
            Target::Soft(target) => target.tensor().clone(),
        };
        track.push("target", target);
        for (name, value) in own_names(labeler.state()?, selector.state()?) {
            states.entry(name).or_default().push(value);
        }
    }
    expect_states(case, &states)?;
    // Soft targets and Gaussian weights are values, all others are classes and masks.
    let target = track.stacked("target")?;
    match soft {
        true => case.expect("target", &target)?,
        false => case.expect_exact("target", &target)?,
    }
    match case.text("kind")? {
        "softmatch" => case.expect("mask", &track.stacked("mask")?)?,
        _ => case.expect_exact("mask", &track.stacked("mask")?)?,
    }
    case.expect("loss", &track.stacked("loss")?)?;
    case.expect_gradient("grad.strong_logits", &track.stacked("grad")?)
}

/// The entries of labeler and selector, by the names that the rules themselves have for them.
fn own_names(labeler: State, selector: State) -> impl Iterator<Item = (String, Tensor)> {
    let entries = labeler.into_iter().chain(selector);
    entries.map(|(name, value)| (name.trim_start_matches("alignment.").to_owned(), value))
}

/// Compares what is kept after every step: all that we keep, and all that the case has.
fn expect_states(case: &Case, states: &BTreeMap<String, Vec<Tensor>>) -> Outcome {
    for (name, values) in states {
        case.expect(&format!("state.{name}"), &Tensor::stack(values, 0)?)?;
    }
    for name in case.names().filter_map(|name| name.strip_prefix("state.")) {
        if !states.contains_key(name) {
            return Err(format!("the rule keeps no {name:?}").into());
        }
    }
    Ok(())
}
