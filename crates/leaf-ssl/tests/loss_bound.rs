//! Dash's bound on the loss: measured after the warm-up, falling, and hard labels in the end.

use candle_core::{Device, Tensor};
use leaf_core::{HeadOutput, Mode};
use leaf_ssl::{
    Context, LabeledFaces, Logits, LossBound, LossBoundConfig, Network, PseudoLabeler,
    PseudoLabels, Result, Seen, Selector, SoftLabels, State, Stateful, Step, Target, ViewPass,
};
use leaf_testkit::entries;

/// A network whose images are logits already.
struct Scores;

impl Network for Scores {
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        assert_eq!(mode, Mode::Eval);
        Ok(images.clone())
    }

    fn head(&self, features: &Tensor, mode: Mode) -> Result<HeadOutput> {
        assert_eq!(mode, Mode::Eval);
        Ok(HeadOutput {
            logits: features.clone(),
            features: features.clone(),
            aggregated: features.clone(),
            balance: None,
            routing: Vec::new(),
        })
    }

    fn num_classes(&self) -> usize {
        3
    }
}

/// Labelled faces in chunks; each is its logits and its class.
struct Faces(Vec<Vec<([f64; 3], u32)>>);

impl LabeledFaces for Faces {
    fn pass(&self, _pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        Box::new(self.0.iter().map(|chunk| {
            let (images, labels): (Vec<[f64; 3]>, Vec<u32>) = chunk.iter().copied().unzip();
            let device = &Device::Cpu;
            Ok((scores(&images)?, Tensor::new(labels, device)?))
        }))
    }
}

fn scores(rows: &[[f64; 3]]) -> Result<Tensor> {
    let shape = (rows.len(), 3);
    Ok(Tensor::from_vec(rows.concat(), shape, &Device::Cpu)?)
}

fn config() -> LossBoundConfig {
    LossBoundConfig {
        warmup: 0.2,
        interval: 0.1,
        ..LossBoundConfig::default()
    }
}

fn at(index: usize) -> Step {
    Step::new(index, 20)
}

/// `-log softmax(z)_y`.
fn loss([a, b, c]: [f64; 3], class: usize) -> f64 {
    (a.exp() + b.exp() + c.exp()).ln() - [a, b, c][class]
}

/// Three faces in chunks of two and one, so that chunks of different sizes count by their faces.
fn faces() -> (Faces, f64) {
    let faces = [([1., 0., -1.], 0), ([0., 2., 0.], 2), ([0.5, 0.5, 0.], 1)];
    let losses = faces.map(|(logits, class)| loss(logits, class as usize));
    let chunks = Faces(vec![faces[..2].to_vec(), faces[2..].to_vec()]);
    (chunks, losses.iter().sum::<f64>() / 3.)
}

/// Selects among weak logits at a step.
fn select(
    selector: &mut LossBound,
    weak: &[[f64; 3]],
    step: Step,
) -> Result<(Vec<f64>, PseudoLabels)> {
    let pass = ViewPass::of_logits(Logits::new(scores(weak)?)?);
    let labels = Tensor::zeros(weak.len(), candle_core::DType::U32, &Device::Cpu)?;
    let seen = Seen::new(vec![pass.clone()], pass, labels, step);
    let mut labels = SoftLabels::new(0.5)?.label(&seen)?;
    let weights = selector.select(&mut labels, &seen)?;
    Ok((entries(&weights)?, labels))
}

#[test]
fn nothing_is_kept_before_the_warmup_ends() -> Result<()> {
    let (faces, mean) = faces();
    let context = Context::new(&Scores).with_labeled(&faces);
    let mut selector = LossBound::new(config())?;
    assert!(selector.needs().labeled_pass);
    for index in 0..4 {
        selector.prepare(&context, at(index))?;
        assert_eq!(selector.bound(at(index)), None);
        let (weights, _) = select(&mut selector, &[[30., 0., 0.]], at(index))?;
        assert_eq!(weights, [0.]);
        assert!(selector.state()?.is_empty());
    }
    selector.prepare(&context, at(4))?;
    let bound = selector.bound(at(4)).expect("a bound");
    assert!((bound - 1.0001 * mean).abs() < 1e-12, "{bound} {mean}");
    let (weights, _) = select(&mut selector, &[[30., 0., 0.]], at(4))?;
    assert_eq!(weights, [1.]);
    Ok(())
}

#[test]
fn the_bound_falls_every_interval_down_to_the_floor() -> Result<()> {
    let (faces, mean) = faces();
    let mut selector = LossBound::new(LossBoundConfig {
        floor: 0.5,
        ..config()
    })?;
    selector.prepare(&Context::new(&Scores).with_labeled(&faces), at(4))?;
    for index in 4..20 {
        let falls = (index - 4) / 2;
        let expected = (1.0001 * mean * 1.27f64.powi(-falls)).max(0.5);
        let found = selector.bound(at(index as usize)).expect("a bound");
        assert!((found - expected).abs() < 1e-12, "{index}");
    }
    assert_eq!(selector.bound(at(19)), Some(0.5));
    Ok(())
}

#[test]
fn a_face_passes_by_the_loss_of_its_own_label() -> Result<()> {
    let (faces, _) = faces();
    let mut selector = LossBound::new(config())?;
    selector.prepare(&Context::new(&Scores).with_labeled(&faces), at(4))?;
    let weak = [[4., 0., 0.], [1., 0.5, 0.], [0.1, 0., 0.1], [2., 1.9, -3.]];
    let (weights, labels) = select(&mut selector, &weak, at(8))?;
    let Target::Soft(target) = &labels.target else {
        panic!("soft labels above the floor");
    };
    let target = target.tensor().to_vec2::<f64>()?;
    let bound = selector.bound(at(8)).expect("a bound");
    for ((logits, target), weight) in weak.iter().zip(&target).zip(&weights) {
        let loss: f64 = (0..3)
            .map(|class| target[class] * loss(*logits, class))
            .sum();
        assert_eq!(
            *weight,
            f64::from(u8::from(loss <= bound)),
            "{loss} {bound}"
        );
    }
    assert!(
        weights.contains(&0.) && weights.contains(&1.),
        "{weights:?}"
    );
    Ok(())
}

#[test]
fn labels_are_hard_at_the_floor() -> Result<()> {
    let mut selector = LossBound::new(config())?;
    // Faces that are learned: a tenth of the floor.
    let initial = Tensor::new(&[0.005f64], &Device::Cpu)?;
    selector.load_state(&State::from([("rho_init".to_owned(), initial)]))?;
    assert_eq!(selector.bound(at(4)), Some(0.05));
    // -log p of the first is .036 and of the second .066.
    let weak = [[4., 0., 0.], [0., 3.4, 0.]];
    let (weights, labels) = select(&mut selector, &weak, at(4))?;
    assert!(matches!(labels.target, Target::Hard));
    assert_eq!(weights, [1., 0.]);
    Ok(())
}

#[test]
fn without_labelled_faces_it_says_so() -> Result<()> {
    let mut selector = LossBound::new(config())?;
    let error = selector.prepare(&Context::new(&Scores), at(4)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the trainer needs a pass over the labelled faces, and there is none"
    );
    let none = Faces(Vec::new());
    let context = Context::new(&Scores).with_labeled(&none);
    let error = selector.prepare(&context, at(4)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the trainer needs a labelled face, and there is none"
    );
    Ok(())
}

#[test]
fn wrong_settings_are_refused() {
    let error = |config: LossBoundConfig| LossBound::new(config).unwrap_err().to_string();
    let default = LossBoundConfig::default;
    for (config, expected) in [
        (
            LossBoundConfig {
                warmup: 1.,
                ..default()
            },
            "warmup = 1, expected 0 or more and less than 1",
        ),
        (
            LossBoundConfig {
                interval: 0.,
                ..default()
            },
            "interval = 0, expected more than 0 and at most 1",
        ),
        (
            LossBoundConfig {
                scale: -1.,
                ..default()
            },
            "scale = -1, expected more than 0",
        ),
        (
            LossBoundConfig {
                decay: 0.9,
                ..default()
            },
            "decay = 0.9, expected 1 or more",
        ),
        (
            LossBoundConfig {
                floor: f64::NAN,
                ..default()
            },
            "floor = NaN, expected more than 0",
        ),
    ] {
        assert_eq!(error(config), expected);
    }
}
