//! One process of one side: the median of its steps.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::workspace::{output, root};

/// Steps that warm up caches and pools, and are not counted.
const WARM_UP: usize = 2;

/// What is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) model: String,
    pub(crate) mode: String,
    pub(crate) size: usize,
    pub(crate) batch: usize,
    pub(crate) steps: usize,
    pub(crate) threads: usize,
}

/// What a process reported.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) peak_mb: f64,
    /// Before there was a network: the program and its libraries.
    pub(crate) start_mb: f64,
    pub(crate) version: String,
}

impl Job {
    fn arguments(&self) -> Vec<String> {
        let pairs = [
            ("--model", self.model.clone()),
            ("--mode", self.mode.clone()),
            ("--size", self.size.to_string()),
            ("--batch", self.batch.to_string()),
            ("--steps", (self.steps + WARM_UP).to_string()),
        ];
        let pairs = pairs.into_iter();
        pairs
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }

    /// Runs `benches/step.rs`.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub(crate) fn ours(&self, program: &Path) -> Outcome<Sample> {
        let mut command = Command::new(program);
        command.args(self.arguments());
        self.sample(&mut command)
    }

    /// Runs `tests/peers/torch_step.py`.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub(crate) fn torch(&self, python: &Path, channels_last: bool) -> Outcome<Sample> {
        let mut command = Command::new(python);
        command.arg(root().join("tests/peers/torch_step.py"));
        command.args(self.arguments());
        command.args(["--threads", &self.threads.to_string()]);
        if channels_last {
            command.arg("--channels-last");
        }
        self.sample(&mut command)
    }

    fn sample(&self, command: &mut Command) -> Outcome<Sample> {
        let threads = self.threads.to_string();
        for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        parse(&output(command)?)
    }
}

fn parse(text: &str) -> Outcome<Sample> {
    let lines: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let steps = lines.iter().filter(|line| line["ms"].is_number());
    let counted = || steps.clone().skip(WARM_UP);
    let numbers =
        |name: &str| -> Vec<f64> { counted().filter_map(|line| line[name].as_f64()).collect() };
    let last = lines.last().ok_or("a side printed nothing")?;
    let memory = |name: &str| {
        let told = last[name].as_f64();
        told.ok_or_else(|| format!("a side told no {name}"))
    };
    Ok(Sample {
        ms: median(numbers("ms")).ok_or("a side counted no step")?,
        // A clock of ticks is coarser than short steps: the mean is what it can tell.
        cpu_ms: mean(&numbers("cpu_ms")),
        peak_mb: memory("peak_mb")?,
        start_mb: memory("start_mb")?,
        version: last["version"].as_str().unwrap_or_default().to_owned(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    Some((lower + upper) / 2.)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_steps_do_not_count() -> Outcome {
        let step = |ms: f64| format!("{{\"ms\": {ms}, \"cpu_ms\": {}}}\n", 2. * ms);
        let text: String = [900., 50., 10., 12., 11.].map(step).concat();
        let sample = parse(&(text + "{\"peak_mb\": 7.5, \"start_mb\": 2, \"version\": \"x\"}\n"))?;
        assert_eq!((sample.ms, sample.cpu_ms, sample.peak_mb), (11., 22., 7.5));
        assert_eq!((sample.start_mb, sample.version.as_str()), (2., "x"));
        assert!(parse("{\"peak_mb\": 7.5, \"start_mb\": 2}\n").is_err());
        let without = parse("{\"ms\": 1}\n".repeat(4).as_str()).expect_err("no memory");
        assert_eq!(without.to_string(), "a side told no peak_mb");
        assert!(parse("nonsense").is_err());
        Ok(())
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3., 1., 2.]), Some(2.));
        assert_eq!(median(vec![4., 1., 2., 3.]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}
