//! Selectors that keep something between steps: saved and loaded they go on as if nothing had happened.

use candle_core::{DType, Device, Tensor};
use leaf_core::{MarginConfig, Random};
use leaf_ssl::{
    AdaptiveMargins, Curriculum, CurriculumConfig, Gaussian, GaussianConfig, HardLabels, Logits,
    PseudoLabeler, Result, Seen, Selector, SelfAdaptive, SelfAdaptiveConfig, State, Stateful,
    StatisticsOf, Step, ViewPass, fairness,
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

/// A class that is never predicted leaves a share that no longer has an inverse in f32.
#[test]
fn fairness_stays_a_number_where_a_class_is_never_predicted() -> Result<()> {
    let strong = Logits::new(Tensor::new(&[[2f32, 0., -1.], [0., 1., 0.]], &Device::Cpu)?)?;
    let mask = Tensor::new(&[1f32, 1.], &Device::Cpu)?;
    let loss = |average: [f32; 3], histogram: [f32; 3]| -> Result<f64> {
        let loss = fairness(&strong, &mask, &average, &histogram)?;
        Ok(entries(&loss.expect("kept faces"))?[0])
    };
    let average = [0.5, 0.3, 0.2];
    let never = loss(average, [0.6, 0.4, 0.])?;
    assert!(never.is_finite());
    // 1/h, and then p/h, beyond the largest number.
    assert_eq!(loss(average, [0.6, 0.4, 1e-39])?, never);
    let twice = [0.5, 0.3, 3.];
    assert_eq!(
        loss(twice, [0.6, 0.4, 4e-39])?,
        loss(twice, [0.6, 0.4, 0.])?
    );
    // Both in bounds, their sum not.
    assert!(loss([1., 1., 1.], [4e-39, 4e-39, 4e-39])?.is_finite());
    Ok(())
}

#[test]
fn a_network_of_other_classes_is_refused() -> Result<()> {
    let gaussian = GaussianConfig {
        alignment: None,
        ..GaussianConfig::default()
    };
    let selectors: [Box<dyn Selector>; 4] = [
        Box::new(Curriculum::new(
            CurriculumConfig::default(),
            FACES,
            CLASSES,
        )?),
        Box::new(SelfAdaptive::new(SelfAdaptiveConfig::default(), CLASSES)?),
        Box::new(Gaussian::new(gaussian, CLASSES)?),
        Box::new(AdaptiveMargins::new(MarginConfig::default(), CLASSES)?),
    ];
    for mut selector in selectors {
        for found in [CLASSES - 1, CLASSES + 1] {
            let before = format!("{:?}", selector.state()?);
            let mut weak = vec![0f32; 2 * found];
            weak[found - 1] = 9.;
            let weak = Tensor::from_vec(weak, (2, found), &Device::Cpu)?;
            let seen = seen(weak, vec![3, 4])?;
            let mut labels = HardLabels::new(None, found)?.label(&seen)?;
            let error = selector.select(&mut labels, &seen).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("predictions of unlabelled faces has shape [2, {found}], expected (N, 5)")
            );
            assert_eq!(format!("{:?}", selector.state()?), before);
        }
    }
    let strong = Logits::new(Tensor::new(&[[0f32, 0., 1.]], &Device::Cpu)?)?;
    let mask = Tensor::new(&[1f32], &Device::Cpu)?;
    let error = fairness(&strong, &mask, &[0.5; 2], &[0.5; 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "predictions of strong views has shape [1, 3], expected (N, 2)"
    );
    Ok(())
}

/// A selector after some steps goes on as before when a state does not fit.
fn survives<S: Selector + Clone>(mut selector: S, broken: &[(&str, Tensor)]) -> Result<()> {
    for number in 0..4 {
        step(&mut selector, number)?;
    }
    let mut undisturbed = selector.clone();
    for (name, wrong) in broken {
        let other = selector.state()?.into_iter().map(|(name, value)| {
            let value = (value.ones_like()? * 2.)?;
            Ok((name, value))
        });
        let mut state = other.collect::<Result<State>>()?;
        state.insert((*name).to_owned(), wrong.clone());
        selector.load_state(&state).unwrap_err();
    }
    for number in 4..10 {
        assert_eq!(
            step(&mut undisturbed, number)?,
            step(&mut selector, number)?,
            "step {number}"
        );
    }
    let debug = |selector: &S| -> Result<String> {
        let state = selector.state()?;
        let entries = state
            .iter()
            .map(|(name, value)| Ok((name, entries(value)?)));
        Ok(format!("{:?}", entries.collect::<Result<Vec<_>>>()?))
    };
    assert_eq!(debug(&undisturbed)?, debug(&selector)?);
    Ok(())
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() -> Result<()> {
    let config = CurriculumConfig {
        threshold: 0.8,
        warmup: false,
    };
    let mut classes = vec![0i64; FACES];
    classes[FACES - 1] = CLASSES as i64;
    let classes = Tensor::new(classes, &Device::Cpu)?;
    let short = Tensor::zeros(CLASSES - 1, DType::F32, &Device::Cpu)?;
    survives(
        Curriculum::new(config, FACES, CLASSES)?,
        &[("selected", classes), ("class_acc", short.clone())],
    )?;
    survives(
        SelfAdaptive::new(SelfAdaptiveConfig::default(), CLASSES)?,
        &[("p_model", short.clone()), ("label_hist", short.clone())],
    )?;
    survives(
        Gaussian::new(GaussianConfig::default(), CLASSES)?,
        &[("var", short.clone()), ("alignment.p_model", short)],
    )
}

#[test]
fn faces_without_a_place_are_refused_and_nothing_is_learned() -> Result<()> {
    let mut curriculum = Curriculum::new(CurriculumConfig::default(), 6, 3)?;
    let weak = Tensor::new(&[[9f32, 0., 0.], [0., 9., 0.]], &Device::Cpu)?;
    let mut refused = |places: Vec<usize>| -> Result<String> {
        let mut seen = seen(weak.clone(), vec![0, 1])?;
        seen.index = places;
        let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
        let error = curriculum.select(&mut labels, &seen).unwrap_err();
        assert_eq!(curriculum.state()?["selected"].to_vec1::<i64>()?, [-1; 6]);
        Ok(error.to_string())
    };
    let expected = "the batch has 0 places of unlabelled faces, expected 2";
    assert_eq!(refused(Vec::new())?, expected);
    assert_eq!(
        refused(vec![0, 6])?,
        "index of an unlabelled face = 6, expected less than the number of faces"
    );
    Ok(())
}

#[test]
fn equal_confidences_have_the_full_weight() -> Result<()> {
    let config = GaussianConfig {
        momentum: 0.,
        alignment: None,
        ..GaussianConfig::default()
    };
    let mut gaussian = Gaussian::new(config, 2)?;
    // Both confidences are .5, and so are their mean and its sum.
    let seen = seen(Tensor::zeros((2, 2), DType::F32, &Device::Cpu)?, vec![0, 1])?;
    let mut labels = HardLabels::new(None, 2)?.label(&seen)?;
    let weights = gaussian.select(&mut labels, &seen)?;
    assert_eq!(entries(&gaussian.state()?["var"])?, [0.]);
    assert_eq!(entries(&weights)?, [1., 1.]);
    Ok(())
}

#[test]
fn what_was_seen_has_no_gradient() -> Result<()> {
    let weak = candle_core::Var::zeros((2, 3), DType::F32, &Device::Cpu)?;
    let seen = seen((weak.as_tensor() * 2.)?, vec![0, 1])?;
    for pass in [&seen.weak[0], &seen.labeled] {
        assert!(!pass.logits.tensor().track_op());
    }
    Ok(())
}
