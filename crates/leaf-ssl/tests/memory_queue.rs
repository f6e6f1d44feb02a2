//! The memory against plain lists.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Random, unit_length};
use leaf_ssl::{Logits, MemoryQueue, Probs, Result, State, Stateful};
use proptest::prelude::*;

const WIDTH: usize = 4;
const CLASSES: usize = 3;
const TEMPERATURE: f64 = 0.2;

type Rows = Vec<Vec<f64>>;

fn features(random: &mut Random, rows: usize) -> Result<Tensor> {
    let raw = random.normal_tensor(0., 1., (rows, WIDTH), DType::F64, &Device::Cpu)?;
    Ok(unit_length(&raw)?)
}

fn probs(random: &mut Random, rows: usize) -> Result<Probs> {
    let scores = random.normal_tensor(0., 2., (rows, CLASSES), DType::F64, &Device::Cpu)?;
    Logits::new(scores)?.probs()
}

/// `A Q_p` of one face, with the exponentials as they are written.
fn recalled(feature: &[f64], kept: &[(Rows, Rows)]) -> Vec<f64> {
    let (mut sum, mut classes) = (0., vec![0.; CLASSES]);
    for (features, probs) in kept {
        for (other, probs) in features.iter().zip(probs) {
            let product: f64 = feature.iter().zip(other).map(|(a, b)| a * b).sum();
            let share = (product / TEMPERATURE).exp();
            sum += share;
            for (class, prob) in classes.iter_mut().zip(probs) {
                *class += share * prob;
            }
        }
    }
    classes.into_iter().map(|class| class / sum).collect()
}

proptest! {
    #[test]
    fn only_the_last_batches_are_recalled(
        seed: u64, capacity in 1usize..5, sizes in proptest::collection::vec(1usize..5, 1..9),
    ) {
        let mut random = Random::new(seed);
        let mut queue = MemoryQueue::new(capacity, WIDTH, CLASSES).unwrap();
        let mut kept: Vec<(Rows, Rows)> = Vec::new();
        for rows in sizes {
            let features = features(&mut random, rows).unwrap();
            let probs = probs(&mut random, rows).unwrap();
            queue.push(&features, &probs).unwrap();
            kept.push((features.to_vec2().unwrap(), probs.tensor().to_vec2().unwrap()));
            if kept.len() > capacity {
                kept.remove(0);
            }
        }
        let asked = features(&mut random, 3).unwrap();
        let found = queue.recall(&asked, TEMPERATURE).unwrap();
        let found = found.tensor().to_vec2::<f64>().unwrap();
        for (feature, found) in asked.to_vec2::<f64>().unwrap().iter().zip(&found) {
            let expected = recalled(feature, &kept);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
            prop_assert!((found.iter().sum::<f64>() - 1.).abs() < 1e-12);
        }
    }

    #[test]
    fn a_saved_memory_goes_on(
        seed: u64, capacity in 1usize..4, before in proptest::collection::vec(1usize..4, 0..6),
    ) {
        let mut random = Random::new(seed);
        let mut whole = MemoryQueue::new(capacity, WIDTH, CLASSES).unwrap();
        for rows in before {
            let features = features(&mut random, rows).unwrap();
            whole.push(&features, &probs(&mut random, rows).unwrap()).unwrap();
        }
        let mut resumed = MemoryQueue::new(capacity, WIDTH, CLASSES).unwrap();
        // What the queue held before is forgotten.
        let other = features(&mut random, 2).unwrap();
        resumed.push(&other, &probs(&mut random, 2).unwrap()).unwrap();
        resumed.load_state(&whole.state().unwrap()).unwrap();
        prop_assert_eq!(whole.is_empty(), resumed.is_empty());
        for rows in [2, 3] {
            let (features, probs) =
                (features(&mut random, rows).unwrap(), probs(&mut random, rows).unwrap());
            let next = |queue: &mut MemoryQueue| {
                queue.push(&features, &probs).unwrap();
                let recalled = queue.recall(&features, TEMPERATURE).unwrap();
                recalled.tensor().to_vec2::<f64>().unwrap()
            };
            prop_assert_eq!(next(&mut whole), next(&mut resumed));
        }
        let (whole, resumed) = (whole.state().unwrap(), resumed.state().unwrap());
        prop_assert_eq!(whole["queue_rows"].to_vec1::<i64>().unwrap(),
            resumed["queue_rows"].to_vec1::<i64>().unwrap());
    }
}

#[test]
fn what_is_recalled_has_no_gradient() -> Result<()> {
    let mut random = Random::new(0);
    let mut queue = MemoryQueue::new(2, WIDTH, CLASSES)?;
    let asked = candle_core::Var::from_tensor(&features(&mut random, 2)?)?;
    queue.push(&asked, &probs(&mut random, 2)?)?;
    let recalled = queue.recall(&asked, TEMPERATURE)?;
    assert!(!recalled.tensor().track_op());
    Ok(())
}

#[test]
fn room_for_many_batches_costs_nothing() -> Result<()> {
    let mut queue = MemoryQueue::new(usize::MAX, WIDTH, CLASSES)?;
    let mut random = Random::new(0);
    queue.push(&features(&mut random, 2)?, &probs(&mut random, 2)?)?;
    assert!(!queue.is_empty());
    Ok(())
}

#[test]
fn a_state_that_does_not_fit_changes_nothing() -> Result<()> {
    let mut random = Random::new(0);
    let mut queue = MemoryQueue::new(2, WIDTH, CLASSES)?;
    let asked = features(&mut random, 2)?;
    queue.push(&asked, &probs(&mut random, 2)?)?;
    let before = queue.recall(&asked, TEMPERATURE)?;
    let saved = queue.state()?;
    for (name, wrong) in [
        ("queue_rows", Tensor::new(&[-1i64], &Device::Cpu)?),
        ("queue_rows", Tensor::new(&[1i64, 1, 0], &Device::Cpu)?),
        ("queue_feats", asked.narrow(1, 0, 1)?),
        ("queue_probs", asked.clone()),
    ] {
        let mut broken = saved.clone();
        broken.insert(name.to_owned(), wrong);
        assert!(queue.load_state(&broken).is_err(), "{name}");
        let after = queue.recall(&asked, TEMPERATURE)?;
        assert_eq!(
            before.tensor().to_vec2::<f64>()?,
            after.tensor().to_vec2::<f64>()?
        );
    }
    Ok(())
}

#[test]
fn wrong_shapes_and_states_are_refused() -> Result<()> {
    let error = MemoryQueue::new(0, WIDTH, CLASSES).unwrap_err().to_string();
    assert_eq!(error, "queue_batches = 0, expected at least 1");
    let mut random = Random::new(0);
    let mut queue = MemoryQueue::new(2, WIDTH, CLASSES)?;
    let asked = features(&mut random, 2)?;
    let error = queue.recall(&asked, TEMPERATURE).unwrap_err().to_string();
    assert_eq!(error, "rows in the memory = 0, expected at least 1");
    let error = queue.push(&asked, &probs(&mut random, 3)?).unwrap_err();
    assert_eq!(
        error.to_string(),
        "probabilities to remember has shape [3, 3], expected [2, 3]"
    );
    for _ in 0..2 {
        queue.push(&asked, &probs(&mut random, 2)?)?;
    }
    let saved = queue.state()?;
    let error = MemoryQueue::new(1, WIDTH, CLASSES)?.load_state(&saved);
    assert_eq!(
        error.unwrap_err().to_string(),
        "batches in the saved memory = 2, expected at most queue_batches"
    );
    let wider = MemoryQueue::new(2, WIDTH + 1, CLASSES)?.load_state(&saved);
    assert_eq!(
        wider.unwrap_err().to_string(),
        "the saved state's entry \"queue_feats\" has shape [4, 4], expected [4, 5]"
    );
    let rows = Tensor::new(&[-1i64, 5], &Device::Cpu)?;
    let broken = State::from_iter(saved.into_iter().chain([("queue_rows".to_owned(), rows)]));
    assert!(queue.load_state(&broken).is_err());
    Ok(())
}
