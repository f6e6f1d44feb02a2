//! A selection rule and an algorithm of a user's own, trained on drawn faces.

use candle_core::{Device, Tensor};
use leaf::core::{LeafConfig, Mode, soft_cross_entropy};
use leaf::recipe::Recipe;
use leaf::ssl::{
    Algorithm, Batch, Context, CrossEntropy, HardLabels, Logits, LossSum, Losses, PseudoLabels,
    Result, Seen, Selector, Stateful, Step, Views, WeakStrong, WeakStrongConfig, linear_ramp,
};

/// Keeps the most confident half of every batch.
struct SurerHalf;

impl Stateful for SurerHalf {}

impl Selector for SurerHalf {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        let mut sorted = labels.confidence.to_vec1::<f32>()?;
        sorted.sort_by(f32::total_cmp);
        let kept = labels.confidence.ge(sorted[sorted.len() / 2])?;
        Ok(kept.to_dtype(labels.confidence.dtype())?)
    }
}

/// Weak views must agree with themselves, sharpened: `L = mean CE(z_x, y) + r(t) mean CE(z_w, q)`,
/// `q = sg(softmax(2 z_w))`.
struct SelfAgreement;

impl Stateful for SelfAgreement {}

impl Algorithm for SelfAgreement {
    fn name(&self) -> &str {
        "self-agreement"
    }

    fn views(&self) -> Views {
        Views {
            weak: 1,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let student = context.student;
        let labeled = student.forward(&batch.labeled.images, Mode::Train)?;
        let logits = Logits::new(labeled.logits)?;
        let mut sum = LossSum::supervised(&logits, &batch.labeled.labels, 1.)?;
        let weak = student.forward(&batch.unlabeled.weak[0], Mode::Train)?;
        let target = Logits::new(weak.logits.detach())?.probs_at(0.5)?;
        let loss = soft_cross_entropy(&weak.logits, target.tensor())?.mean_all()?;
        sum.add("agreement", loss, linear_ramp(step, 0.5))?;
        Ok(sum.into_losses())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut recipe = Recipe::default();
    recipe.train.steps = 10;
    let faces = recipe.prepare(|_| ())?;
    let shared = WeakStrongConfig::new(1., &LeafConfig::robust());
    let labels = HardLabels::new(None, faces.classes().len())?;
    let host = WeakStrong::new("surer half", labels, SurerHalf, CrossEntropy, shared)?;
    let algorithms: [Box<dyn Algorithm>; 2] = [Box::new(host), Box::new(SelfAgreement)];
    let folder = std::env::temp_dir().join(format!("own-trainer-{}", std::process::id()));
    for algorithm in algorithms {
        let name = algorithm.name().to_owned();
        let outcome = recipe.train_with(algorithm, &faces, &Device::Cpu, &folder, &mut [])?;
        println!("{name}: accuracy {:.3}", outcome.rates().accuracy);
    }
    Ok(std::fs::remove_dir_all(&folder)?)
}
