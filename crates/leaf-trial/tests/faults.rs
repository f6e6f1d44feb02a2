//! Trainers with a fault each, which the checks must find.

use candle_core::Tensor;
use leaf_core::{Faces, LeafConfig, Mode};
use leaf_ssl::{
    BoxedLoss, CrossEntropy, FaceLosses, FixedThreshold, HardLabels, PseudoLabels, Result, Seen,
    Selector, Stateful, SupervisedConfig, Task, UnlabeledFaces, UnlabeledLoss, Views, WeakStrong,
    WeakStrongConfig, with_category,
};
use leaf_trial::{
    ByHand, CLASSES, assert_every_face_counts, assert_learns_above_threshold, assert_off_is_plain,
    assert_only_accepted_faces_teach, assert_refuses, assert_set_loss_by_the_hosts_weight,
    assert_trainer,
};

type Host<S> = WeakStrong<HardLabels, S, BoxedLoss>;

/// A sound trainer but for the parts that are given.
fn host<S: Selector>(
    selector: S,
    loss: impl UnlabeledLoss + Send + 'static,
    lambda_u: f64,
    leaf: LeafConfig,
) -> Result<Host<S>> {
    let labeler = HardLabels::new(None, CLASSES)?;
    let loss = with_category(loss, leaf.category.as_ref(), CLASSES)?;
    let config = WeakStrongConfig::new(lambda_u, &leaf);
    WeakStrong::new("faulty", labeler, selector, loss, config)
}

fn sound(threshold: f64, leaf: LeafConfig) -> Result<Host<FixedThreshold>> {
    host(FixedThreshold::new(threshold)?, CrossEntropy, 1., leaf)
}

#[test]
fn a_sound_trainer_passes() -> Result<()> {
    assert_trainer(|leaf| sound(0.15, leaf))?;
    assert_learns_above_threshold(|leaf| sound(0.15, leaf))?;
    assert_every_face_counts(|leaf| sound(0., leaf))?;
    assert_only_accepted_faces_teach(|leaf| sound(0.2, leaf))?;
    assert_off_is_plain(sound(0.2, LeafConfig::off())?, |leaf| sound(0.2, leaf))
}

/// Accepts every other step's faces, and does not save how many steps there were.
struct Forgetful(usize);

impl Stateful for Forgetful {}

impl Selector for Forgetful {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        self.0 += 1;
        let weight = (self.0 % 2) as f64;
        Ok(labels.confidence.ones_like()?.affine(weight, 0.)?)
    }
}

#[test]
#[should_panic(expected = "faulty, off: saved after step 1 it goes on differently")]
fn what_is_not_saved_is_found() {
    assert_trainer(|leaf| host(Forgetful(0), CrossEntropy, 1., leaf)).expect("a panic before");
}

#[test]
#[should_panic(expected = "off: encoder.bias gets no gradient")]
fn a_parameter_without_gradient_is_found() {
    let rule = || {
        ByHand::new(Views::NONE, |context, batch, _| {
            let output = context
                .student
                .forward(&batch.labeled.images, Mode::Train)?;
            let features = output.features.detach();
            Ok((features.mean_all()? + output.logits.detach().mean_all()?)?)
        })
    };
    assert_trainer(|_| Ok(rule())).expect("a panic before");
}

/// Cross-entropy that looks at no weight.
struct Leaking;

impl Stateful for Leaking {}

impl UnlabeledLoss for Leaking {
    fn losses(&mut self, faces: &UnlabeledFaces) -> Result<FaceLosses> {
        Ok(FaceLosses {
            losses: faces.labels.cross_entropy(faces.strong)?,
            diagnostics: Vec::new(),
        })
    }
}

#[test]
#[should_panic(expected = "weight: 0.0")]
fn a_rejected_face_that_teaches_is_found() {
    let leaking = |leaf| host(FixedThreshold::new(0.2)?, Leaking, 1., leaf);
    assert_only_accepted_faces_teach(leaking).expect("a panic before");
}

#[test]
#[should_panic(expected = "28 of 28 faces are accepted")]
fn a_threshold_that_rejects_nobody_tries_nothing() {
    assert_only_accepted_faces_teach(|leaf| sound(0., leaf)).expect("a panic before");
}

#[test]
#[should_panic(expected = "off: the term is 0")]
fn a_threshold_that_accepts_nobody_is_found() {
    assert_learns_above_threshold(|leaf| sound(1., leaf)).expect("a panic before");
}

#[test]
#[should_panic(expected = "off: {\"encoder.bias\"")]
fn a_term_that_teaches_nothing_is_found() {
    let idle = |leaf| host(FixedThreshold::new(0.)?, CrossEntropy, 0., leaf);
    assert_learns_above_threshold(idle).expect("a panic before");
}

#[test]
#[should_panic(expected = "failed: off")]
fn a_face_that_counts_less_is_found() {
    assert_every_face_counts(|leaf| sound(0.2, leaf)).expect("a panic before");
}

/// Accepts everybody by half.
struct Half;

impl Stateful for Half {}

impl Selector for Half {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        Ok(labels.confidence.ones_like()?.affine(0.5, 0.)?)
    }
}

#[test]
#[should_panic(expected = "instead of")]
fn a_set_loss_by_another_weight_is_found() {
    // The level acts on what is rejected alone here, and not on accepted faces.
    assert_set_loss_by_the_hosts_weight(|mut leaf| {
        if let Some(category) = &mut leaf.category {
            category.faces = Faces::Rejected;
        }
        host(Half, CrossEntropy, 1., leaf)
    })
    .expect("a panic before");
}

#[test]
#[should_panic(expected = "without LEAF it is not the plain trainer")]
fn another_threshold_is_not_the_plain_trainer() {
    let plain = sound(0.25, LeafConfig::off()).expect("a trainer");
    assert_off_is_plain(plain, |leaf| sound(0.2, leaf)).expect("a panic before");
}

#[test]
#[should_panic(expected = "LEAF changes nothing")]
fn a_trainer_without_leaf_is_found() {
    let plain = || sound(0.2, LeafConfig::off());
    assert_off_is_plain(plain().expect("a trainer"), |_| plain()).expect("a panic before");
}

#[test]
#[should_panic(expected = "it was not refused")]
fn what_is_not_refused_is_found() {
    assert_refuses(SupervisedConfig::build, &[(|_| (), "nothing is wrong")]);
}

#[test]
#[should_panic(expected = "balance_weight = -1")]
fn another_message_is_found() {
    let negative = |config: &mut SupervisedConfig| config.leaf.balance_weight = -1.;
    assert_refuses(
        |config: &SupervisedConfig, task: &Task| config.build(task),
        &[(negative, "something is wrong")],
    );
}
