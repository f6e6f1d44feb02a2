//! One whole LEAF step from the encoder's features, through head, labels, sets and every loss term.

use candle_core::{DType, Tensor, Var};
use leaf_core::{
    CategoryConfig, CategoryLoss, ContrastiveConfig, DecouplingConfig, Dropout, Faces, ForwardPlan,
    HeadOutput, Instance, LeafConfig, LeafHead, Linear, Masking, MixtureOfExperts, Mode,
    NoiseSource, Normalize, Random,
};
use leaf_ssl::{
    Algorithm, Batch, CategoryLevel, ClassThresholds, Context, CrossEntropy, HardLabels, Labeled,
    Network, PseudoLabeler, Seen, Step, Unlabeled, ViewPass, WeakStrong, WeakStrongConfig,
};

use crate::aggregation::{Stored, Vars, combine, expect_gradients, gate_config};
use crate::case::{Case, Outcome, within};
use crate::losses::weighting;

type Head = LeafHead<MixtureOfExperts, MixtureOfExperts>;

/// A network whose images are features already.
struct HeadOnly(Head);

impl Network for HeadOnly {
    fn encode(&self, images: &Tensor, _mode: Mode) -> leaf_ssl::Result<Tensor> {
        Ok(images.clone())
    }

    fn head(&self, features: &Tensor, mode: Mode) -> leaf_ssl::Result<HeadOutput> {
        Ok(self.0.forward(features, mode)?)
    }

    fn num_classes(&self) -> usize {
        self.0.num_classes()
    }
}

/// The order in which the released code passes the views.
const VIEWS: [&str; 4] = ["u1", "u2", "x", "s"];

pub(crate) fn leaf_step(case: &Case) -> Outcome {
    let mut vars = Vars::new();
    let head = head(case, &mut vars)?;
    for view in ["x", "u1", "u2", "s"] {
        let name = format!("f_{view}");
        vars.push((name.clone(), case.var(&name)?));
    }
    let batch = batch(case, &vars)?;
    let network = HeadOnly(head);
    expect_outputs(case)?;

    let mut algorithm = algorithm(case, network.num_classes())?;
    let losses = algorithm.loss(&Context::new(&network), &batch, Step::new(0, 1))?;
    case.expect("loss", &losses.total)?;
    for (ours, theirs) in [
        ("supervised", "loss_x"),
        ("unlabeled", "loss_u"),
        ("contrastive", "loss_s"),
    ] {
        let wanted = case.tensor(theirs)?;
        let found = losses.terms.iter().find(|(name, _)| *name == ours);
        let found = match found {
            Some((_, found)) => found.clone(),
            // Only the contrastive term may be absent: in a step without rejected faces.
            None if ours == "contrastive" => wanted.zeros_like()?,
            None => return Err(format!("the step has no term {ours:?}").into()),
        };
        within(theirs, &found, &wanted, |largest| 1e-5 * largest.max(1.))?;
    }
    expect_gradients(case, &losses.total, &vars)
}

fn head(case: &Case, vars: &mut Vars) -> Outcome<Head> {
    let level = |name: &str, vars: &mut Vars| -> Outcome<MixtureOfExperts> {
        let noise = VIEWS
            .iter()
            .map(|view| case.tensor(&format!("noise.{name}.{view}")))
            .collect::<Outcome<Vec<_>>>()?;
        let stored = Stored {
            case,
            prefix: &format!("{name}."),
            gate: gate_config(case)?,
            linear_experts: false,
            tied: false,
            combine: combine(case)?,
            plain: false,
        };
        stored.mixture(NoiseSource::recorded(noise), vars)
    };
    let semantic = level("semantic", vars)?;
    let instance = level("instance", vars)?;
    let mut var = |name: &str| -> Outcome<Tensor> {
        let var = case.var(name)?;
        let tensor = var.as_tensor().clone();
        vars.push((name.to_owned(), var));
        Ok(tensor)
    };
    let classifier = Linear::new(var("classifier.weight")?, var("classifier.bias")?);
    Ok(LeafHead::new(
        Dropout::new(case.number("dropout")?, NoiseSource::new(Random::new(0)))?,
        semantic,
        Normalize::Unit,
        match case.text("instance_level")? {
            "features" => Instance::Features(instance),
            "predictions" => Instance::Predictions(instance),
            other => return Err(format!("unknown instance level {other:?}").into()),
        },
        classifier,
    ))
}

fn batch(case: &Case, vars: &Vars) -> Outcome<Batch> {
    let view = |view: &str| -> Outcome<Tensor> {
        let name = format!("f_{view}");
        let (_, var) = vars
            .iter()
            .find(|(found, _)| *found == name)
            .ok_or("the views are variables")?;
        Ok(Var::as_tensor(var).clone())
    };
    let rows = case.tensor("labels")?.dim(0)?;
    Ok(Batch {
        labeled: Labeled {
            images: view("x")?,
            labels: case.tensor("labels")?.to_dtype(DType::U32)?,
            index: (0..rows).collect(),
        },
        unlabeled: Unlabeled {
            weak: vec![view("u1")?, view("u2")?],
            strong: vec![view("s")?],
            index: (0..rows).collect(),
            ..Unlabeled::default()
        },
    })
}

/// The category level of the released code with the case's masking.
fn category(case: &Case) -> Outcome<CategoryConfig> {
    Ok(CategoryConfig {
        decoupling: DecouplingConfig {
            max_positives: case.number("max_positives")?,
            threshold: case.number("threshold")?,
            weighting: weighting(case)?,
            teacher_temperature: 1.,
        },
        alignment: None,
        loss: CategoryLoss::Ranking,
        faces: Faces::Accepted,
        masking: match case.text("masking")? {
            "reference" => Masking::BatchMean,
            "per_sample" => Masking::PerFace,
            other => return Err(format!("unknown masking {other:?}").into()),
        },
        rescale: true,
        weight: 1.,
        ramp: 0.,
    })
}

fn algorithm(
    case: &Case,
    num_classes: usize,
) -> Outcome<WeakStrong<HardLabels, ClassThresholds, CategoryLevel>> {
    let leaf = LeafConfig {
        supervised_weight: case.number("weight_x")?,
        contrastive: Some(ContrastiveConfig {
            temperature: case.number("temperature")?,
            base_temperature: case.number("temperature")?,
            weight: case.number("weight_s")?,
        }),
        forward: ForwardPlan::Separate,
        ..LeafConfig::off()
    };
    Ok(WeakStrong::new(
        "LEAF step",
        HardLabels::new(None, num_classes)?,
        ClassThresholds::new(case.tensor("thresholds")?),
        CategoryLevel::new(CrossEntropy, &category(case)?, num_classes)?,
        WeakStrongConfig::new(1., &leaf),
    )?)
}

/// What the head gives for each view, and the labels, mask and sets that follow.
fn expect_outputs(case: &Case) -> Outcome {
    let head = head(case, &mut Vars::new())?;
    let mut weak = Vec::new();
    let mut labeled = None;
    for view in VIEWS {
        let output = head.forward(&case.tensor(&format!("f_{view}"))?, Mode::Train)?;
        case.expect(&format!("logits_{view}"), &output.logits)?;
        if view == "u1" {
            case.expect("feature_u1", &output.features)?;
        }
        let pass = ViewPass::new(&output)?.detach();
        match view {
            "u1" | "u2" => weak.push(pass),
            "x" => labeled = Some(pass),
            _ => {}
        }
    }
    let labeled = labeled.ok_or("x is a view")?;
    let classes = case.tensor("labels")?.to_dtype(DType::U32)?;
    let seen = Seen::new(weak, labeled, classes, Step::new(0, 1));
    let num_classes = head.num_classes();
    let labels = HardLabels::new(None, num_classes)?.label(&seen)?;
    case.expect_exact("pseudo_labels", &labels.classes)?;
    let own = case
        .tensor("thresholds")?
        .index_select(&labels.classes, 0)?;
    case.expect_exact("mask", &labels.confidence.ge(&own)?)?;
    let mut level = CategoryLevel::new(CrossEntropy, &category(case)?, num_classes)?;
    case.expect_exact("positives", &level.sets(&seen)?.positive)
}
