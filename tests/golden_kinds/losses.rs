//! The category level's losses and contrast.

use leaf_core::{
    CategoryDecoupling, ContrastiveConfig, DecouplingConfig, Pairs, SetWeighting, contrastive,
    decoupled_consistency, plain,
};
use leaf_ssl::Logits;

use crate::case::{Case, Outcome};

pub(crate) fn weighting(case: &Case) -> Outcome<SetWeighting> {
    match case.text("weighting")? {
        "linear" => Ok(SetWeighting::Linear),
        "convex" => Ok(SetWeighting::Convex),
        "concave" => Ok(SetWeighting::Concave),
        "none" => Ok(SetWeighting::None),
        other => Err(format!("unknown weighting {other:?}").into()),
    }
}

pub(crate) fn category(case: &Case) -> Outcome {
    for (case, plain) in case.ways()? {
        category_one_way(&case, plain)?;
    }
    Ok(())
}

fn category_one_way(case: &Case, plain: bool) -> Outcome {
    let config = DecouplingConfig {
        max_positives: case.number("max_positives")?,
        threshold: case.number("threshold")?,
        weighting: weighting(case)?,
        teacher_temperature: 1.,
    };
    let decoupling = CategoryDecoupling::new(config.clone(), case.number("classes")?)?;
    let weak = Logits::new(case.tensor("weak_logits")?)?;
    let sets = match plain {
        false => decoupling.decouple(weak.probs()?.tensor())?,
        true => plain::decouple(weak.probs()?.tensor(), &config)?,
    };
    case.expect_exact("positives", &sets.positive)?;
    case.expect_exact("n_positives", &sets.count)?;
    case.expect("weight", &sets.weight)?;

    let strong = case.var("strong_logits")?;
    let losses = match plain {
        false => decoupled_consistency(&strong, &sets)?,
        true => plain::decoupled_consistency(&strong, &sets)?,
    };
    case.expect("loss", &losses)?;
    let mean = (losses * &sets.weight)?.mean_all()?;
    case.expect("mean_loss", &mean)?;
    let grads = mean.backward()?;
    let grad = grads.get(&strong).ok_or("no gradient")?;
    case.expect_gradient("grad.strong_logits", grad)
}

pub(crate) fn supcon(case: &Case) -> Outcome {
    for (case, plain) in case.ways()? {
        supcon_one_way(&case, plain)?;
    }
    Ok(())
}

fn supcon_one_way(case: &Case, plain: bool) -> Outcome {
    let views = case.var("features")?;
    let (labels, mask) = (case.tensor("labels")?, case.tensor("mask")?);
    let pairs = match case.text("mode")? {
        "self" => Pairs::Faces,
        "labels" => Pairs::Classes(&labels),
        "mask" => Pairs::Mask(&mask),
        other => return Err(format!("unknown mode {other:?}").into()),
    };
    let config = ContrastiveConfig {
        temperature: case.number("temperature")?,
        base_temperature: case.number("base_temperature")?,
        ..Default::default()
    };
    let losses = match plain {
        false => contrastive(&views, pairs, &config)?,
        true => plain::contrastive(&views, pairs, &config)?,
    };
    let loss = losses.mean_all()?;
    case.expect("loss", &loss)?;
    let grads = loss.backward()?;
    let grad = grads.get(&views).ok_or("no gradient")?;
    case.expect_gradient("grad.features", grad)
}
