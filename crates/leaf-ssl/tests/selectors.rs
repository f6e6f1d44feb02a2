//! Selectors that keep something between steps: saved and loaded they go on as if nothing had happened.

use candle_core::{DType, Device, Tensor};
use leaf_core::Random;
use leaf_ssl::{
    Curriculum, CurriculumConfig, Gaussian, GaussianConfig, HardLabels, Logits, PseudoLabeler,
    Result, Seen, Selector, SelfAdaptive, SelfAdaptiveConfig, Stateful, StatisticsOf, Step,
    ViewPass,
};
use leaf_testkit::entries;

const CLASSES: usize = 5;
const FACES: usize = 30;
const BATCH: usize = 8;

/// The weights that a selector gives in the step of that number.
fn step(selector: &mut dyn Selector, number: u64) -> Result<Vec<f64>> {
    let mut random = Random::new(4).split_index(number);
    let mut faces: Vec<usize> = (0..FACES).collect();
    random.shuffle(&mut faces);
    faces.truncate(BATCH);
    let shape = (BATCH, CLASSES);
    let weak = random.normal_tensor(0., 4., shape, DType::F32, &Device::Cpu)?;
    let seen = seen(weak, faces)?;
    let mut labels = HardLabels::new(None, CLASSES)?.label(&seen)?;
    Ok(entries(&selector.select(&mut labels, &seen)?)?)
}

/// A weak view with these logits of the faces at these places.
fn seen(weak: Tensor, faces: Vec<usize>) -> Result<Seen> {
    let weak = ViewPass::of_logits(Logits::new(weak)?);
    let labels = Tensor::zeros(faces.len(), DType::U32, &Device::Cpu)?;
    let mut seen = Seen::new(vec![weak.clone()], weak, labels, Step::new(0, 1));
    seen.index = faces;
    Ok(seen)
}

fn goes_on<S: Selector>(build: impl Fn() -> Result<S>) -> Result<()> {
    for saved_after in 0..6 {
        let mut undisturbed = build()?;
        for number in 0..saved_after {
            step(&mut undisturbed, number)?;
        }
        let mut resumed = build()?;
        resumed.load_state(&undisturbed.state()?)?;
        for number in saved_after..10 {
            assert_eq!(
                step(&mut undisturbed, number)?,
                step(&mut resumed, number)?,
                "saved after {saved_after}, step {number}"
            );
        }
    }
    Ok(())
}

#[test]
fn curriculum() -> Result<()> {
    for warmup in [true, false] {
        let config = CurriculumConfig {
            threshold: 0.8,
            warmup,
        };
        goes_on(|| Curriculum::new(config.clone(), FACES, CLASSES))?;
    }
    Ok(())
}

#[test]
fn self_adaptive() -> Result<()> {
    for (quantile, clip) in [(false, false), (true, true)] {
        let config = SelfAdaptiveConfig {
            momentum: 0.9,
            quantile,
            clip,
            ..SelfAdaptiveConfig::default()
        };
        goes_on(|| SelfAdaptive::new(config.clone(), CLASSES))?;
    }
    Ok(())
}

#[test]
fn gaussian() -> Result<()> {
    for statistics in [StatisticsOf::Aligned, StatisticsOf::Unaligned] {
        let config = GaussianConfig {
            momentum: 0.9,
            statistics,
            ..GaussianConfig::default()
        };
        goes_on(|| Gaussian::new(config.clone(), CLASSES))?;
    }
    Ok(())
}

/// The numbers that the published rule gives for this example, worked out with the authors' function.
#[test]
fn a_worked_example_of_the_curriculum() -> Result<()> {
    let config = CurriculumConfig::default();
    let mut curriculum = Curriculum::new(config, 6, 3)?;
    let probs = [
        [0.97f32, 0.01, 0.02],
        [0.10, 0.80, 0.10],
        [0.02, 0.96, 0.02],
        [0.30, 0.30, 0.40],
    ];
    let seen = seen(Tensor::new(&probs, &Device::Cpu)?.log()?, vec![0, 1, 2, 3])?;
    let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
    let mask = curriculum.select(&mut labels, &seen)?;
    // Every status is 0 at first, so every face passes.
    assert_eq!(entries(&mask)?, [1., 1., 1., 1.]);
    assert_eq!(curriculum.status(), [0.25, 0.25, 0.]);
    Ok(())
}

#[test]
fn states_of_another_size_are_refused() -> Result<()> {
    let small = Curriculum::new(CurriculumConfig::default(), 6, 3)?;
    let mut large = Curriculum::new(CurriculumConfig::default(), 7, 3)?;
    let error = large.load_state(&small.state()?).unwrap_err();
    assert!(error.to_string().contains("\"selected\""), "{error}");
    Ok(())
}
