//! Losses by hand, in f32 and f64, against their twins of candle's operations in f64.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    CategoryDecoupling, ContrastiveConfig, DecouplingConfig, LabelSets, Pairs, Random, Result,
    SetWeighting, contrastive, cross_entropy, decoupled_consistency, plain, positive_set_loss,
    soft_cross_entropy, unit_length,
};
use leaf_testkit::entries;
use proptest::prelude::*;

const DEVICE: Device = Device::Cpu;

fn normal(seed: u64, dims: &[usize], std: f64) -> Tensor {
    let tensor = Random::new(seed).normal_tensor(0., std, dims, DType::F32, &DEVICE);
    tensor.expect("a tensor")
}

/// The losses, and the gradients of the variables under a loss that weighs each row differently.
fn run(
    values: &[&Tensor],
    dtype: DType,
    loss: impl Fn(&[Tensor]) -> Result<Tensor>,
) -> Result<Vec<Vec<f64>>> {
    let vars = values
        .iter()
        .map(|value| Var::from_tensor(&value.to_dtype(dtype)?))
        .collect::<candle_core::Result<Vec<Var>>>()?;
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let losses = loss(&tensors)?;
    let weights = normal(77, losses.dims(), 1.).to_dtype(dtype)?;
    let store = (&losses * weights)?.sum_all()?.backward()?;
    let mut found = vec![entries(&losses)?];
    for var in &vars {
        match store.get(var) {
            Some(gradient) => found.push(entries(gradient)?),
            // Without rows the twin may leave out what it does not depend on.
            None => {
                assert_eq!(var.elem_count(), 0, "a gradient is missing");
                found.push(Vec::new());
            }
        }
    }
    Ok(found)
}

fn close(what: &str, found: &[Vec<f64>], wanted: &[Vec<f64>], bound: f64) {
    for (part, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found.len(), wanted.len(), "{what}, part {part}");
        let largest = wanted.iter().fold(1f64, |m, w| m.max(w.abs()));
        for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            let difference = (found - wanted).abs();
            assert!(
                difference <= bound * largest,
                "{what}, part {part}[{i}]: {found} instead of {wanted}"
            );
        }
    }
}

/// By hand in both types against the twin in f64.
fn check(
    what: &str,
    values: &[&Tensor],
    bound: f64,
    fast: impl Fn(&[Tensor]) -> Result<Tensor>,
    twin: impl Fn(&[Tensor]) -> Result<Tensor>,
) {
    let wanted = run(values, DType::F64, twin).unwrap();
    let found = run(values, DType::F64, &fast).unwrap();
    close(&format!("{what} in f64"), &found, &wanted, 1e-10);
    let found = run(values, DType::F32, &fast).unwrap();
    close(&format!("{what} in f32"), &found, &wanted, bound);
}

/// Sets of any number of positive classes, none and all as well.
fn any_sets(seed: u64, rows: usize, classes: usize) -> LabelSets {
    let positive = normal(seed, &[rows, classes], 1.).gt(0.).unwrap();
    let zeros = Tensor::zeros(rows, DType::F64, &DEVICE).unwrap();
    LabelSets {
        positive,
        count: zeros.clone(),
        weight: zeros,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn category_losses(
        seed in 0u64..1000, rows in 0usize..200, classes in 2usize..40, spread in 0.1f64..30.,
    ) {
        let strong = normal(seed, &[rows, classes], spread);
        let sets = {
            // Any sets but empty ones: those are a case of their own.
            let mut positive = any_sets(seed + 1, rows, classes).positive.to_vec2::<u8>().unwrap();
            for row in &mut positive {
                (row[0], row[1]) = (1, 0);
            }
            let flat: Vec<u8> = positive.into_iter().flatten().collect();
            let positive = Tensor::from_vec(flat, (rows, classes), &DEVICE).unwrap();
            LabelSets { positive, ..any_sets(seed, rows, classes) }
        };
        check("ranking", &[&strong], 2e-6,
            |x| decoupled_consistency(&x[0], &sets), |x| plain::decoupled_consistency(&x[0], &sets));
        check("mass", &[&strong], 2e-6,
            |x| positive_set_loss(&x[0], &sets), |x| plain::positive_set_loss(&x[0], &sets));
    }

    #[test]
    fn cross_entropies(
        seed in 0u64..1000, rows in 0usize..200, classes in 1usize..40, spread in 0.1f64..30.,
    ) {
        let logits = normal(seed, &[rows, classes], spread);
        let targets = normal(seed + 1, &[rows, classes], 1.).abs().unwrap();
        let numbers: Vec<u32> = (0..rows).map(|i| (i * 7 % classes) as u32).collect();
        let numbers = Tensor::from_vec(numbers, rows, &DEVICE).unwrap();
        for numbers in [numbers.clone(), numbers.to_dtype(DType::I64).unwrap()] {
            check("hard", &[&logits], 2e-6,
                |x| cross_entropy(&x[0], &numbers), |x| plain::cross_entropy(&x[0], &numbers));
        }
        check("soft", &[&logits, &targets], 3e-6,
            |x| soft_cross_entropy(&x[0], &x[1]), |x| plain::soft_cross_entropy(&x[0], &x[1]));
    }

    #[test]
    fn sets_are_the_twins(
        seed in 0u64..1000, rows in 0usize..200, classes in 2usize..12, max_positives in 1usize..11,
        threshold in 0.3f64..1., spread in 0.1f64..6., temperature in 0.5f64..3., kind in 0usize..4,
        coarse: bool,
    ) {
        prop_assume!(max_positives < classes);
        let weighting = [
            SetWeighting::Linear, SetWeighting::Convex, SetWeighting::Concave, SetWeighting::None,
        ][kind];
        let config = DecouplingConfig {
            max_positives, threshold, weighting, teacher_temperature: temperature,
        };
        let mut logits = normal(seed, &[rows, classes], spread).to_dtype(DType::F64).unwrap();
        if coarse {
            // Many ties.
            logits = logits.round().unwrap();
        }
        let probs = match rows {
            0 => logits,
            _ => candle_nn::ops::softmax(&logits, 1).unwrap(),
        };
        let decoupling = CategoryDecoupling::new(config.clone(), classes).unwrap();
        let wanted = plain::decouple(&probs, &config).unwrap();
        same_sets(&decoupling.decouple(&probs).unwrap(), &wanted, 1e-11);

        // Of the numbers that the type has: without softening both add up the same ones.
        let probs = probs.to_dtype(DType::F32).unwrap();
        let config = DecouplingConfig { teacher_temperature: 1., ..config };
        let decoupling = CategoryDecoupling::new(config.clone(), classes).unwrap();
        let wanted = plain::decouple(&probs, &config).unwrap();
        // (a - b) / a of a flat prediction is a difference of nearly equal numbers.
        same_sets(&decoupling.decouple(&probs).unwrap(), &wanted, 1e-5);
    }

    #[test]
    fn sets_of_scores_are_those_of_their_probabilities(
        seed in 0u64..1000, rows in 0usize..200, classes in 2usize..40, max_positives in 1usize..39,
        threshold in 0.3f64..1., spread in 0.1f64..6., temperature in 0.5f64..3.,
    ) {
        prop_assume!(max_positives < classes);
        let config = DecouplingConfig {
            max_positives, threshold, teacher_temperature: temperature, ..Default::default()
        };
        let decoupling = CategoryDecoupling::new(config.clone(), classes).unwrap();
        let logits = normal(seed, &[rows, classes], spread).to_dtype(DType::F64).unwrap();
        let wanted = plain::decouple_logits(&logits, &config).unwrap();
        same_sets(&decoupling.decouple_logits(&logits).unwrap(), &wanted, 1e-11);

        // In f32 a sum next to the threshold may fall to either side of it, which the weight tells as well.
        let found = decoupling.decouple_logits(&logits.to_dtype(DType::F32).unwrap()).unwrap();
        let (sizes, wanted_sizes) = (entries(&found.count).unwrap(), entries(&wanted.count).unwrap());
        let (weights, wanted) = (entries(&found.weight).unwrap(), entries(&wanted.weight).unwrap());
        for row in 0..rows {
            if sizes[row] == wanted_sizes[row] {
                close("weight", &[vec![weights[row]]], &[vec![wanted[row]]], 1e-5);
            }
        }
        let others = sizes.iter().zip(&wanted_sizes).filter(|(found, wanted)| found != wanted);
        prop_assert!(others.count() <= 1);
    }

    #[test]
    fn contrast(
        seed in 0u64..1000, faces in 1usize..60, views in 1usize..4, dim in 1usize..30,
        kind in 0usize..3, scale in 0.2f64..3., temperature in 0.05f64..1.,
    ) {
        let raw = unit_length(&normal(seed, &[faces * views, dim], 1.)).unwrap();
        // Longer rows have similarities that no common shift suits.
        let raw = (raw * scale).unwrap().reshape((faces, views, dim)).unwrap();
        check_contrast(seed, &raw, kind, temperature);
    }
}

fn same_sets(found: &LabelSets, wanted: &LabelSets, bound: f64) {
    let sets = [found, wanted].map(|sets| sets.positive.to_vec2::<u8>().unwrap());
    assert_eq!(sets[0], sets[1]);
    let counts = [found, wanted].map(|sets| entries(&sets.count).unwrap());
    assert_eq!(counts[0], counts[1]);
    let [found, wanted] = [found, wanted].map(|sets| vec![entries(&sets.weight).unwrap()]);
    close("weights", &found, &wanted, bound);
}

fn check_contrast(seed: u64, raw: &Tensor, kind: usize, temperature: f64) {
    let faces = raw.dims()[0];
    let classes = (0..faces as u32).map(|i| (seed as u32 + i * 7) % 3);
    let classes = Tensor::from_iter(classes, &DEVICE).unwrap();
    let mask = normal(seed + 5, &[faces, faces], 1.).relu().unwrap();
    let pairs = [Pairs::Faces, Pairs::Classes(&classes), Pairs::Mask(&mask)][kind];
    let config = ContrastiveConfig {
        temperature,
        base_temperature: 0.3,
        ..Default::default()
    };
    let loss = |x: &[Tensor]| contrastive(&x[0], pairs, &config);
    let twin = |x: &[Tensor]| plain::contrastive(&x[0], pairs, &config);
    let wanted = run(&[raw], DType::F64, twin).unwrap();
    let found = run(&[raw], DType::F32, loss).unwrap();
    close(&format!("contrast {kind}"), &found, &wanted, 2e-5);
}

#[test]
fn contrast_of_many_blocks() {
    for (faces, views) in [(150, 2), (700, 2), (300, 1)] {
        let raw = unit_length(&normal(3, &[faces * views, 24], 1.)).unwrap();
        let raw = raw.reshape((faces, views, 24)).unwrap();
        for kind in 0..3 {
            check_contrast(4, &raw, kind, 0.2);
            check_contrast(4, &raw, kind, 0.01);
        }
    }
}

/// More blocks than are kept for the way back.
#[test]
fn contrast_that_is_computed_again() {
    let raw = unit_length(&normal(3, &[3200, 8], 1.)).unwrap();
    let raw = raw.reshape((1600, 2, 8)).unwrap();
    check_contrast(4, &raw, 0, 0.2);
}

#[test]
fn empty_sets_have_their_values() -> Result<()> {
    type Loss = fn(&Tensor, &LabelSets) -> Result<Tensor>;
    let losses: [(Loss, Loss); 2] = [
        (decoupled_consistency, plain::decoupled_consistency),
        (positive_set_loss, plain::positive_set_loss),
    ];
    // Widths around a register's, and one below.
    for classes in [3, 8, 9] {
        let strong = normal(1, &[2, classes], 1.);
        let none_and_all = [vec![0u8; classes], vec![1; classes]].concat();
        let sets = LabelSets {
            positive: Tensor::from_vec(none_and_all, (2, classes), &DEVICE)?,
            ..any_sets(0, 2, classes)
        };
        for (fast, twin) in losses {
            let found = run(&[&strong], DType::F32, |x| fast(&x[0], &sets))?;
            let wanted = run(&[&strong], DType::F64, |x| twin(&x[0], &sets))?;
            close("empty sets", &found, &wanted, 1e-6);
            assert!(found.iter().flatten().all(|number| number.is_finite()));
        }
    }
    Ok(())
}

/// All logits equal, one class certain, enormous logits.
#[test]
fn edges_are_finite() -> Result<()> {
    let logits = Tensor::new(
        &[
            [0f32, 0., 0.],
            [1e4, 0., 0.],
            [-3e38, 3e38, 0.],
            [88.7, 88.7, -88.7],
        ],
        &DEVICE,
    )?;
    let probs = Tensor::new(
        &[[1f32 / 3.; 3], [1., 0., 0.], [0., 0., 1.], [0.5, 0.5, 0.]],
        &DEVICE,
    )?;
    let classes = Tensor::new(&[0u32, 0, 1, 2], &DEVICE)?;
    for weighting in [
        SetWeighting::Linear,
        SetWeighting::Convex,
        SetWeighting::Concave,
        SetWeighting::None,
    ] {
        for teacher_temperature in [1., 2.] {
            let config = DecouplingConfig {
                weighting,
                teacher_temperature,
                max_positives: 2,
                ..Default::default()
            };
            let sets = CategoryDecoupling::new(config, 3)?.decouple(&probs)?;
            for loss in [decoupled_consistency, positive_set_loss] {
                let found = run(&[&logits], DType::F32, |x| {
                    Ok((loss(&x[0], &sets)? * &sets.weight)?.affine(1e-30, 0.)?)
                })?;
                assert!(found.iter().flatten().all(|number| number.is_finite()));
            }
        }
    }
    let scaled = (&logits * 1e-4)?;
    let found = run(&[&scaled], DType::F32, |x| cross_entropy(&x[0], &classes))?;
    assert!(found.iter().flatten().all(|number| number.is_finite()));
    let found = run(&[&scaled, &probs], DType::F32, |x| {
        soft_cross_entropy(&x[0], &x[1])
    })?;
    assert!(found.iter().flatten().all(|number| number.is_finite()));

    let zero = Tensor::zeros((5, 2, 4), DType::F32, &DEVICE)?;
    let config = ContrastiveConfig::default();
    let found = run(&[&zero], DType::F32, |x| {
        contrastive(&x[0], Pairs::Faces, &config)
    })?;
    for loss in &found[0] {
        assert!((loss - 9f64.ln()).abs() < 1e-6, "{loss}");
    }
    assert!(found[1].iter().all(|slope| *slope == 0.));
    Ok(())
}

/// What is not a number is seen in the weight, takes no other row along, and stops nothing.
#[test]
fn rows_that_are_no_probabilities_are_told_by_their_weight() -> Result<()> {
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
    for teacher_temperature in [1., 2.] {
        let config = DecouplingConfig {
            teacher_temperature,
            max_positives: 2,
            ..Default::default()
        };
        let decoupling = CategoryDecoupling::new(config, 3)?;
        for number in strange {
            let rows = Tensor::new(&[[0.5f32, number, 0.5], [0.7, 0.2, 0.1]], &DEVICE)?;
            let sets = decoupling.decouple(&rows)?;
            let weights = sets.weight.to_vec1::<f32>()?;
            assert!(weights[0].is_nan(), "{number}: {weights:?}");
            assert!(weights[1].is_finite(), "{number}: {weights:?}");
            let counts = sets.count.to_vec1::<f32>()?;
            let sets = sets.positive.to_vec2::<u8>()?;
            let marked: u8 = sets[0].iter().sum();
            assert_eq!(f32::from(marked), counts[0], "{number}");
        }
    }
    Ok(())
}

#[test]
fn bf16_is_computed_in_f32() -> Result<()> {
    let raw = unit_length(&normal(3, &[24, 16], 1.))?.reshape((12, 2, 16))?;
    let config = ContrastiveConfig::default();
    let loss = |x: &[Tensor]| contrastive(&x[0], Pairs::Faces, &config);
    let rounded = raw.to_dtype(DType::BF16)?;
    let found = run(&[&rounded], DType::BF16, loss)?;
    let wanted = run(&[&rounded], DType::F64, |x| {
        plain::contrastive(&x[0], Pairs::Faces, &config)
    })?;
    close("bf16", &found, &wanted, 1e-2);
    Ok(())
}

#[test]
fn a_class_out_of_range_is_an_error() -> Result<()> {
    let logits = normal(1, &[2, 3], 1.);
    let classes = Tensor::new(&[0u32, 3], &DEVICE)?;
    assert!(cross_entropy(&logits, &classes).is_err());
    Ok(())
}
