//! Queue alignment against a ring buffer of plain numbers.

use candle_core::{DType, Device, Tensor};
use leaf_core::{AlignmentTarget, Random};
use leaf_ssl::{Logits, Probs, QueueAlignment, QueueAlignmentConfig, Result, Stateful};
use proptest::prelude::*;

type Rows = Vec<Vec<f64>>;

/// The rule with a write position, as the literature's code keeps it.
struct Ring {
    means: Rows,
    next: usize,
    target: Vec<f64>,
}

impl Ring {
    fn new(length: usize, target: Vec<f64>) -> Self {
        Self {
            means: vec![vec![0.; target.len()]; length],
            next: 0,
            target,
        }
    }

    fn align(&mut self, probs: &Rows) -> Rows {
        let length = self.means.len();
        for (class, mean) in self.means[self.next].iter_mut().enumerate() {
            *mean = probs.iter().map(|row| row[class]).sum::<f64>() / probs.len() as f64;
        }
        self.next = (self.next + 1) % length;
        let align = |row: &Vec<f64>| {
            let scaled: Vec<f64> = (0..row.len())
                .map(|class| {
                    let sum: f64 = self.means.iter().map(|mean| mean[class]).sum();
                    row[class] * (self.target[class] + 1e-6) / (sum / length as f64 + 1e-6)
                })
                .collect();
            let sum: f64 = scaled.iter().sum();
            scaled.into_iter().map(|value| value / sum).collect()
        };
        probs.iter().map(align).collect()
    }
}

fn batch(random: &mut Random, rows: usize, classes: usize) -> Result<Probs> {
    let scores = random.normal_tensor(0., 2., (rows, classes), DType::F64, &Device::Cpu)?;
    Logits::new(scores)?.probs()
}

fn alignment(length: usize, target: &[f64]) -> Result<QueueAlignment> {
    let config = QueueAlignmentConfig {
        length,
        target: AlignmentTarget::Given(target.to_vec()),
    };
    QueueAlignment::new(&config, target.len())
}

fn shares(random: &mut Random, classes: usize) -> Vec<f64> {
    let raw: Vec<f64> = (0..classes).map(|_| 0.1 + random.uniform()).collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|share| share / sum).collect()
}

proptest! {
    #[test]
    fn a_ring_buffer_gives_the_same(
        seed: u64, length in 1usize..6, classes in 2usize..6, steps in 1usize..14,
    ) {
        let mut random = Random::new(seed);
        let target = shares(&mut random, classes);
        let mut alignment = alignment(length, &target).unwrap();
        let mut ring = Ring::new(length, target);
        for step in 0..steps {
            let probs = batch(&mut random, 1 + step % 4, classes).unwrap();
            let found = alignment.align(&probs).unwrap().tensor().to_vec2::<f64>().unwrap();
            let expected = ring.align(&probs.tensor().to_vec2().unwrap());
            for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_saved_queue_goes_on(seed: u64, length in 1usize..5, before in 0usize..7) {
        let mut random = Random::new(seed);
        let mut whole = alignment(length, &[0.5, 0.3, 0.2]).unwrap();
        for _ in 0..before {
            whole.align(&batch(&mut random, 3, 3).unwrap()).unwrap();
        }
        let mut resumed = alignment(length, &[0.5, 0.3, 0.2]).unwrap();
        resumed.load_state(&whole.state().unwrap()).unwrap();
        for _ in 0..3 {
            let probs = batch(&mut random, 3, 3).unwrap();
            let next = |alignment: &mut QueueAlignment| {
                alignment.align(&probs).unwrap().tensor().to_vec2::<f64>().unwrap()
            };
            prop_assert_eq!(next(&mut whole), next(&mut resumed));
        }
    }
}

#[test]
fn early_batches_are_aligned_as_by_the_filled_rows() -> Result<()> {
    let probs = Probs::new(Tensor::new(
        &[[0.7f64, 0.2, 0.1], [0.6, 0.3, 0.1]],
        &Device::Cpu,
    )?)?;
    let mut short = QueueAlignment::new(
        &QueueAlignmentConfig {
            length: 1,
            ..QueueAlignmentConfig::default()
        },
        3,
    )?;
    let mut long = QueueAlignment::new(&QueueAlignmentConfig::default(), 3)?;
    let short = short.align(&probs)?.tensor().to_vec2::<f64>()?;
    let long = long.align(&probs)?.tensor().to_vec2::<f64>()?;
    // By hand: .7/.65, .2/.25, .1/.1, then divided by the sum.
    let sum = 0.7 / 0.65 + 0.2 / 0.25 + 1.;
    assert!((short[0][0] - 0.7 / 0.65 / sum).abs() < 1e-5);
    for (short, long) in short.iter().flatten().zip(long.iter().flatten()) {
        assert!((short - long).abs() < 2e-4, "{short} {long}");
    }
    Ok(())
}

#[test]
fn wrong_queues_are_refused() -> Result<()> {
    let refused = |length, target| {
        let config = QueueAlignmentConfig { length, target };
        QueueAlignment::new(&config, 3).unwrap_err().to_string()
    };
    assert_eq!(
        refused(0, AlignmentTarget::Uniform),
        "alignment.length = 0, expected at least 1"
    );
    for length in [65_537, usize::MAX] {
        assert_eq!(
            refused(length, AlignmentTarget::Uniform),
            format!(
                "alignment.length = {}, expected 65536 or less",
                length as f64
            )
        );
    }
    assert_eq!(
        refused(4, AlignmentTarget::Given(vec![0.5, 0.5])),
        "alignment.target has shape [2], expected (3,)"
    );
    let saved = QueueAlignment::new(&QueueAlignmentConfig::default(), 3)?.state()?;
    let mut other = QueueAlignment::new(&QueueAlignmentConfig::default(), 4)?;
    let error = other.load_state(&saved).unwrap_err().to_string();
    assert_eq!(
        error,
        "the saved state's entry \"p_model\" has shape [32, 3], expected [32, 4]"
    );
    Ok(())
}
