//! The modules by hand give the same bits on any number of threads, and need little memory.
//!
//! candle's threads are counted once a process, so each count is a process of its own: this test's program,
//! which then computes instead of testing.

use std::process::Command;

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Aggregator, Combine, ContrastiveConfig, MixtureConfig, Mode, NoiseSource, NoisyTopKConfig,
    Pairs, Parameters, Random, Result, backward, contrastive, mixture_of_experts, unit_length,
};

const DEVICE: Device = Device::Cpu;

/// Which computation a process does; without it, it tests.
const TASK: &str = "LEAF_THREADS_TEST";

/// Runs one test of this program with a task and that many threads: what it printed.
fn process(test: &str, task: &str, threads: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .env("RAYON_NUM_THREADS", threads)
        .env("CANDLE_NUM_THREADS", threads)
        .output()
        .expect("this program runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{task}: {text}");
    let line = text.lines().find_map(|line| line.split_once("found "));
    line.unwrap_or_else(|| panic!("{task} found nothing: {text}"))
        .1
        .to_owned()
}

/// A number that every bit of the tensors counts in.
fn digest<'a>(tensors: impl Iterator<Item = &'a Tensor>) -> Result<u64> {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for tensor in tensors {
        for value in tensor.flatten_all()?.to_vec1::<f32>()? {
            hash = (hash ^ u64::from(value.to_bits())).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(hash)
}

fn normal(seed: u64, dims: &[usize]) -> Result<Tensor> {
    Random::new(seed).normal_tensor(0., 1., dims, DType::F32, &DEVICE)
}

fn mixture(combine: Combine, k: usize) -> Result<u64> {
    let config = MixtureConfig {
        gate: NoisyTopKConfig {
            num_experts: 5,
            k,
            ..NoisyTopKConfig::default()
        },
        zero_init: false,
        combine,
        ..MixtureConfig::default()
    };
    let parameters = Parameters::new(0);
    let vb = parameters.builder(DType::F32, &DEVICE);
    let mixture = mixture_of_experts(96, &config, vb, NoiseSource::new(Random::new(1)))?;
    let xs = Var::from_tensor(&normal(2, &[300, 96])?)?;
    let aggregated = mixture.aggregate(&xs, Mode::Train)?;
    let balance = aggregated.balance.expect("a mixture has a balance");
    // candle's own sums are not in question here: each entry is weighed by itself.
    let loss = ((&aggregated.output * normal(3, &[300, 96])?)?.sum_all()? + balance)?;
    let store = backward(&loss)?;
    let mut found = vec![aggregated.output];
    for var in parameters.trainable().values().chain([&xs]) {
        found.push(store.get(var).expect("a gradient").clone());
    }
    digest(found.iter())
}

fn contrast(faces: usize, dim: usize) -> Result<u64> {
    let rows = unit_length(&normal(4, &[2 * faces, dim])?)?;
    let views = Var::from_tensor(&rows.reshape((faces, 2, dim))?)?;
    let losses = contrastive(&views, Pairs::Faces, &ContrastiveConfig::default())?;
    let store = backward(&losses.sum_all()?)?;
    digest([&losses, store.get(&views).expect("a gradient")].into_iter())
}

#[test]
fn bits_are_the_same_on_any_number_of_threads() -> Result<()> {
    if let Ok(task) = std::env::var(TASK) {
        let found = match task.as_str() {
            "sum" => mixture(Combine::WeightedSum, 1)?,
            "log" => mixture(Combine::LogSpace, 3)?,
            _ => contrast(200, 64)?,
        };
        println!("found {found:x}");
        return Ok(());
    }
    for task in ["sum", "log", "contrast"] {
        let test = "bits_are_the_same_on_any_number_of_threads";
        let found = ["1", "2", "3"].map(|threads| process(test, task, threads));
        assert!(
            found.iter().all(|digest| *digest == found[0]),
            "{task}: {found:?}"
        );
    }
    Ok(())
}

/// Peak resident memory in MB, where the system tells it.
fn peak_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = peak.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes / 1024.)
}

/// 4,096 faces of two views have a matrix of similarities of 268 MB, which is never made.
#[test]
fn contrast_of_many_faces_needs_little_memory() -> Result<()> {
    const FACES: usize = 4096;
    const DIM: usize = 512;
    if std::env::var(TASK).is_ok() {
        // The views themselves, their gradient and candle's copies of both come on top.
        let rows = unit_length(&normal(4, &[2 * FACES, DIM])?)?;
        let views = Var::from_tensor(&rows.reshape((FACES, 2, DIM))?)?;
        let before = peak_mb().unwrap_or(0.);
        let losses = contrastive(&views, Pairs::Faces, &ContrastiveConfig::default())?;
        backward(&losses.mean_all()?)?;
        println!("found {}", peak_mb().unwrap_or(0.) - before);
        return Ok(());
    }
    let test = "contrast_of_many_faces_needs_little_memory";
    let more: f64 = process(test, "memory", "2").parse().expect("a number");
    assert!(more < 64., "{more} MB");
    Ok(())
}
