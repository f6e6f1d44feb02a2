//! One step of Ada-CM and of the LEAF authors' trainer against the same step written out by hand.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use leaf_ada_cm::AdaCmConfig;
use leaf_core::{
    CategoryDecoupling, ContrastiveConfig, DecouplingConfig, HeadOutput, LeafConfig, MarginConfig,
    Mode, Pairs, SetWeighting, adaptive_margins, contrastive, cross_entropy, decoupled_consistency,
};
use leaf_ssl::{Algorithm, Batch, Context, LabeledFaces, Logits, Network, Result, Step};
use leaf_testkit::entries;
use leaf_trial::{CLASSES, Trial, batch, task};

/// A floor that some of the trial's faces reach and some do not.
const MARGINS: MarginConfig = MarginConfig {
    floor: 0.2,
    scale: 0.97,
};
/// The first step of the fourth epoch: epochs 1 to 3 lie behind.
const EPOCH: usize = 3;

fn step() -> Step {
    Step::new(15, 100).with_epochs_of(5)
}

/// Labelled faces in two chunks.
struct Chunks(Batch);

impl LabeledFaces for Chunks {
    fn pass(&self, _pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        let labeled = &self.0.labeled;
        Box::new([(0, 8), (8, 6)].into_iter().map(|(start, count)| {
            Ok((
                labeled.images.narrow(0, start, count)?,
                labeled.labels.narrow(0, start, count)?,
            ))
        }))
    }
}

/// Networks, batch and labelled faces of a step; the noise starts anew.
struct Scene {
    trial: Trial,
    average: Trial,
    batch: Batch,
    labeled: Chunks,
}

impl Scene {
    fn new(leaf: &LeafConfig, algorithm: &dyn Algorithm) -> Result<Self> {
        // The average is another network than the student, and less sure.
        Ok(Self {
            trial: surer(Trial::new(leaf, algorithm)?, 6.)?,
            average: surer(Trial::new(leaf, algorithm)?, 3.)?,
            batch: batch(1, algorithm.views())?,
            labeled: Chunks(batch(2, algorithm.views())?),
        })
    }

    /// The gradients of a loss, by parameter.
    fn gradients(&self, loss: &Tensor) -> Result<BTreeMap<String, Vec<f64>>> {
        let grads = loss.backward()?;
        let parameters = self.trial.parameters.trainable().into_iter();
        parameters
            .filter_map(|(path, var)| Some((path, grads.get(&var)?.clone())))
            .map(|(path, grad)| Ok((path, entries(&grad)?)))
            .collect()
    }
}

/// The trial with the student's scores that many times larger.
fn surer(trial: Trial, factor: f64) -> Result<Trial> {
    for (path, var) in trial.parameters.trainable() {
        if path.contains("classifier") {
            var.set(&(var.as_detached_tensor() * factor)?)?;
        }
    }
    Ok(trial)
}

/// The step as the trainer takes it.
fn by_the_trainer(leaf: &LeafConfig) -> Result<(f64, BTreeMap<String, Vec<f64>>, f64)> {
    let config = AdaCmConfig {
        margins: MARGINS,
        ..AdaCmConfig::default()
    };
    let mut algorithm = config.with_leaf(leaf.clone()).build(&task())?;
    let scene = Scene::new(leaf, &algorithm)?;
    let context = Context::new(&scene.trial.student)
        .with_average(&scene.average.student)
        .with_labeled(&scene.labeled);
    let losses = algorithm.loss(&context, &scene.batch, step())?;
    let weights = losses.selection.expect("a selection").weights;
    let kept = entries(&weights.mean_all()?)?[0];
    Ok((
        entries(&losses.total)?[0],
        scene.gradients(&losses.total)?,
        kept,
    ))
}

/// What the four passes give, in the order in which the authors make them.
struct Answers {
    weak: [HeadOutput; 2],
    labeled: HeadOutput,
    strong: HeadOutput,
}

fn answers(scene: &Scene) -> Result<Answers> {
    let pass = |images: &Tensor| scene.trial.student.forward(images, Mode::Train);
    let Batch { labeled, unlabeled } = &scene.batch;
    Ok(Answers {
        weak: [pass(&unlabeled.weak[0])?, pass(&unlabeled.weak[1])?],
        labeled: pass(&labeled.images)?,
        strong: pass(&unlabeled.strong[0])?,
    })
}

fn probs(logits: &Tensor) -> Result<Tensor> {
    let probs = Logits::new(logits.detach())?.probs()?;
    Ok(probs.tensor().clone())
}

/// The margins after three epochs, from all labelled faces at once.
fn margins(scene: &Scene) -> Result<Tensor> {
    let labeled = &scene.labeled.0.labeled;
    let output = scene.average.student.forward(&labeled.images, Mode::Eval)?;
    let probs = probs(&output.logits)?;
    let margins = adaptive_margins(&probs, &labeled.labels, EPOCH, &MARGINS)?;
    let raised = entries(&margins)?.iter().any(|&m| m > MARGINS.floor + 0.01);
    assert!(raised, "{margins}");
    Ok(margins)
}

/// The mean attraction between the weak views of rejected faces.
fn contrast(weak: &[HeadOutput; 2], mask: &[f64]) -> Result<Tensor> {
    let rejected: Vec<u32> = (0u32..)
        .zip(mask)
        .filter_map(|(row, &kept)| (kept == 0.).then_some(row))
        .collect();
    assert!(!rejected.is_empty() && rejected.len() < mask.len());
    let rejected = Tensor::new(rejected, weak[0].features.device())?;
    let [first, second] = weak.each_ref().map(|view| &view.features);
    let views = [
        first.index_select(&rejected, 0)?,
        second.index_select(&rejected, 0)?,
    ];
    let views = Tensor::stack(&views, 1)?;
    Ok(contrastive(&views, Pairs::Faces, &ContrastiveConfig::default())?.mean_all()?)
}

/// The released loss of unlabelled faces: sets from mean logits, a mask that is one number, a loss of
/// cross-entropy's size.
fn released(answers: &Answers, classes: &Tensor, mask: &Tensor) -> Result<Tensor> {
    let [first, second] = answers.weak.each_ref().map(|view| &view.logits);
    let teacher = probs(&((first + second)? / 2.)?)?;
    let config = DecouplingConfig {
        max_positives: 3,
        threshold: 0.9,
        weighting: SetWeighting::Concave,
        teacher_temperature: 1.,
    };
    let sets = CategoryDecoupling::new(config, CLASSES)?.decouple(&teacher)?;
    let strong = &answers.strong.logits;
    let losses = (decoupled_consistency(strong, &sets)? * &sets.weight)?;
    let mean = losses.mean_all()?;
    let host = cross_entropy(strong, classes)?.mean_all()?;
    let ratio = entries(&host)?[0] / entries(&mean)?[0];
    let kept = entries(&mask.mean_all()?)?[0];
    Ok((mean * (ratio * kept))?)
}

/// The step written out.
fn by_hand(
    leaf: &LeafConfig,
    unlabeled: impl Fn(&Answers, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<(f64, BTreeMap<String, Vec<f64>>)> {
    let algorithm = AdaCmConfig::default().build(&task())?;
    let scene = Scene::new(leaf, &algorithm)?;
    let answers = answers(&scene)?;
    let [first, second] = answers.weak.each_ref().map(|view| probs(&view.logits));
    let mean = ((first? + second?)? / 2.)?;
    let classes = mean.argmax(1)?;
    let own = margins(&scene)?.index_select(&classes, 0)?;
    let mask = mean.max(1)?.ge(&own)?.to_dtype(DType::F32)?;

    let labels = &scene.batch.labeled.labels;
    let supervised = cross_entropy(&answers.labeled.logits, labels)?.mean_all()?;
    let unlabeled = unlabeled(&answers, &classes, &mask)?;
    let contrast = contrast(&answers.weak, &entries(&mask)?)?;
    let total = (((supervised * 0.5)? + unlabeled)? + (contrast * 0.1)?)?;
    Ok((entries(&total)?[0], scene.gradients(&total)?))
}

fn assert_same(
    leaf: &LeafConfig,
    unlabeled: impl Fn(&Answers, &Tensor, &Tensor) -> Result<Tensor>,
) -> Result<()> {
    let (found, grads, kept) = by_the_trainer(leaf)?;
    assert!(0. < kept && kept < 1., "{kept}");
    let (expected, expected_grads) = by_hand(leaf, unlabeled)?;
    assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    assert_eq!(
        Vec::from_iter(grads.keys()),
        Vec::from_iter(expected_grads.keys())
    );
    for (path, expected) in &expected_grads {
        let largest = expected.iter().fold(0f64, |m, g| m.max(g.abs()));
        for (found, expected) in grads[path].iter().zip(expected) {
            let close = (found - expected).abs() <= 1e-5 * largest + 1e-8;
            assert!(close, "{path}: {found} {expected}");
        }
    }
    Ok(())
}

#[test]
fn a_step_of_ada_cm_equals_the_one_by_hand() -> Result<()> {
    assert_same(&AdaCmConfig::published_head(), |answers, classes, mask| {
        let losses = cross_entropy(&answers.strong.logits, classes)?;
        Ok((losses * mask)?.mean_all()?)
    })
}

#[test]
fn a_step_of_the_released_trainer_equals_the_one_by_hand() -> Result<()> {
    let leaf = LeafConfig {
        margins: Some(MARGINS),
        ..LeafConfig::released()
    };
    assert_same(&leaf, released)
}
