//! The bank of labelled faces against plain lists.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Random, unit_length};
use leaf_ssl::{FeatureBank, Logits, Probs, Result, Stateful, Task};
use proptest::prelude::*;

const WIDTH: usize = 4;
const CLASSES: usize = 3;
const MOMENTUM: f64 = 0.7;

/// Faces 10, 13, 16... of classes that need not all occur.
fn task(random: &mut Random, faces: usize) -> Task {
    let labeled: Vec<_> = (0..faces)
        .map(|face| (10 + 3 * face, random.below(CLASSES)))
        .collect();
    Task::new(CLASSES).with_labeled(labeled)
}

fn features(random: &mut Random, rows: usize) -> Result<Tensor> {
    let raw = random.normal_tensor(0., 1., (rows, WIDTH), DType::F64, &Device::Cpu)?;
    Ok(unit_length(&raw)?)
}

fn bank(task: &Task) -> Result<FeatureBank> {
    FeatureBank::new(task, WIDTH, MOMENTUM, &mut Random::new(1))
}

fn kept(bank: &FeatureBank) -> Vec<Vec<f64>> {
    bank.state().unwrap()["mem_bank"].to_vec2().unwrap()
}

/// One face's new feature, by the rows that show it.
fn followed(old: &[f64], rows: &[Vec<f64>]) -> Vec<f64> {
    let mixed: Vec<f64> = (0..WIDTH)
        .map(|i| {
            let mean = rows.iter().map(|row| row[i]).sum::<f64>() / rows.len() as f64;
            MOMENTUM * old[i] + (1. - MOMENTUM) * mean
        })
        .collect();
    let length = mixed.iter().map(|x| x * x).sum::<f64>().sqrt();
    mixed.into_iter().map(|x| x / length).collect()
}

proptest! {
    #[test]
    fn each_face_follows_what_is_seen_of_it(seed: u64, faces in 1usize..7, rows in 1usize..9) {
        let mut random = Random::new(seed);
        let task = task(&mut random, faces);
        let mut bank = bank(&task).unwrap();
        let before = kept(&bank);
        let drawn: Vec<usize> = (0..rows).map(|_| random.below(faces)).collect();
        let places: Vec<usize> = drawn.iter().map(|&face| task.labeled[face].0).collect();
        let seen = features(&mut random, rows).unwrap();
        bank.follow(&places, &seen).unwrap();
        let seen = seen.to_vec2::<f64>().unwrap();
        for (face, after) in kept(&bank).into_iter().enumerate() {
            let shown: Vec<Vec<f64>> = drawn.iter().zip(&seen)
                .filter(|&(&drawn, _)| drawn == face)
                .map(|(_, row)| row.clone())
                .collect();
            let expected = match shown.is_empty() {
                true => before[face].clone(),
                false => followed(&before[face], &shown),
            };
            for (after, expected) in after.iter().zip(&expected) {
                prop_assert!((after - expected).abs() < 1e-12);
            }
            let length: f64 = after.iter().map(|x| x * x).sum();
            prop_assert!((length - 1.).abs() < 1e-9, "along the features' axis");
        }
    }

    #[test]
    fn similarities_and_classes_are_those_of_plain_loops(
        seed: u64, faces in 1usize..7, rows in 1usize..5,
    ) {
        let mut random = Random::new(seed);
        let task = task(&mut random, faces);
        let bank = bank(&task).unwrap();
        let (asked, columns) = (features(&mut random, rows).unwrap(), kept(&bank));
        let found = bank.similarities(&asked).unwrap();
        let scores = random.normal_tensor(0., 2., (rows, CLASSES), DType::F64, &Device::Cpu);
        let probs = Logits::new(scores.unwrap()).unwrap().probs().unwrap();
        let of_classes = bank.of_their_classes(&probs).unwrap().to_vec2::<f64>().unwrap();
        let summed = bank.by_class(&found).unwrap().tensor().to_vec2::<f64>().unwrap();
        let (found, asked) =
            (found.to_vec2::<f64>().unwrap(), asked.to_vec2::<f64>().unwrap());
        let probs = probs.tensor().to_vec2::<f64>().unwrap();
        for row in 0..rows {
            let mut sums = [0f64; CLASSES];
            for (face, &(_, class)) in task.labeled.iter().enumerate() {
                let pairs = asked[row].iter().zip(&columns[face]);
                let cosine: f64 = pairs.map(|(a, b)| a * b).sum();
                prop_assert!((found[row][face] - cosine).abs() < 1e-12);
                prop_assert_eq!(of_classes[row][face], probs[row][class]);
                sums[class] += cosine;
            }
            for (found, expected) in summed[row].iter().zip(sums) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(seed: u64) {
        let mut random = Random::new(seed);
        let task = task(&mut random, 3);
        let (mut forwards, mut backwards) = (bank(&task).unwrap(), bank(&task).unwrap());
        let places = [10, 13, 10, 13, 13];
        let seen = features(&mut random, places.len()).unwrap();
        forwards.follow(&places, &seen).unwrap();
        let order = Tensor::new(&[4u32, 3, 2, 1, 0], &Device::Cpu).unwrap();
        let turned: Vec<usize> = places.into_iter().rev().collect();
        backwards.follow(&turned, &seen.index_select(&order, 0).unwrap()).unwrap();
        for (a, b) in kept(&forwards).iter().flatten().zip(kept(&backwards).iter().flatten()) {
            prop_assert!((a - b).abs() < 1e-12);
        }
    }
}

#[test]
fn a_seed_gives_the_start_and_a_state_goes_on() -> Result<()> {
    let task = Task::new(CLASSES).with_labeled([(5, 0), (2, 2)]);
    let mut whole = bank(&task)?;
    assert_eq!(kept(&whole), kept(&bank(&task)?));
    let other = FeatureBank::new(&task, WIDTH, MOMENTUM, &mut Random::new(2))?;
    assert_ne!(kept(&whole), kept(&other));
    let mut random = Random::new(0);
    whole.follow(&[2], &features(&mut random, 1)?)?;
    let mut resumed = other;
    resumed.load_state(&whole.state()?)?;
    let seen = features(&mut random, 2)?;
    for bank in [&mut whole, &mut resumed] {
        bank.follow(&[5, 2], &seen)?;
        bank.follow(&[], &seen.narrow(0, 0, 0)?)?;
    }
    assert_eq!(kept(&whole), kept(&resumed));
    Ok(())
}

#[test]
fn a_state_of_other_faces_is_refused() -> Result<()> {
    let saved = bank(&Task::new(CLASSES).with_labeled([(5, 0), (2, 2)]))?.state()?;
    for other in [[(5, 0), (3, 2)], [(5, 0), (2, 1)], [(2, 2), (5, 0)]] {
        let mut bank = bank(&Task::new(CLASSES).with_labeled(other))?;
        let before = kept(&bank);
        assert_eq!(
            bank.load_state(&saved).unwrap_err().to_string(),
            "the saved state's entry \"labeled\" is about other labelled faces than the task"
        );
        assert_eq!(kept(&bank), before);
    }
    Ok(())
}

#[test]
fn a_network_of_other_classes_is_refused() -> Result<()> {
    let bank = bank(&Task::new(CLASSES).with_labeled([(5, 0), (2, 2)]))?;
    let probs = Probs::new(Tensor::full(0.25, (2, 4), &Device::Cpu)?)?;
    let error = bank.of_their_classes(&probs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "predictions of unlabelled faces has shape [2, 4], expected (N, 3)"
    );
    Ok(())
}

#[test]
fn what_is_unknown_is_said() -> Result<()> {
    let refused = |task: &Task, width, momentum| {
        let bank = FeatureBank::new(task, width, momentum, &mut Random::new(0));
        bank.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&Task::new(CLASSES), WIDTH, MOMENTUM),
        "the trainer needs a list of the labelled faces' places and classes \
         (Task::with_labeled), and there is none"
    );
    let task = Task::new(CLASSES).with_labeled([(5, 0), (2, 2)]);
    assert_eq!(
        refused(&task, 0, MOMENTUM),
        "projection = 0, expected at least 1"
    );
    assert_eq!(
        refused(&task, WIDTH, 1.),
        "bank_momentum = 1, expected 0 or more and less than 1"
    );
    assert_eq!(
        refused(&Task::new(2).with_labeled([(5, 2)]), WIDTH, MOMENTUM),
        "class of a labelled face = 2, expected less than the number of classes"
    );
    let mut bank = bank(&task)?;
    let seen = features(&mut Random::new(0), 2)?;
    assert_eq!(
        bank.follow(&[5, 3], &seen).unwrap_err().to_string(),
        "place of a labelled face = 3, expected one of the task's labelled faces"
    );
    assert_eq!(
        bank.follow(&[5], &seen).unwrap_err().to_string(),
        "features of labelled faces has shape [2, 4], expected (1, 4)"
    );
    Ok(())
}
