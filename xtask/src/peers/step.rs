//! `cargo xtask peers step`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::report::{Comparison, json, table};
use super::sample::Job;
use super::{environment, load};
use crate::Outcome;

/// A network and the sizes at which it is used.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Model {
    Resnet18,
    Narrow,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Mode {
    /// A training step of four views, a forward pass each.
    Train,
    /// A training step of four views in one forward pass.
    Concat,
    /// A training step of the labelled view alone.
    Supervised,
    /// An evaluation pass.
    Eval,
}

/// How PyTorch lays out its maps.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Peer {
    #[value(name = "default")]
    Default,
    #[value(name = "channels_last")]
    ChannelsLast,
}

/// Whole training steps and evaluation passes, ours and PyTorch's in turn, each in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Step {
    /// Which networks.
    #[arg(long, value_delimiter = ',', default_values = ["resnet18", "narrow"])]
    model: Vec<Model>,
    /// What is timed.
    #[arg(long, value_delimiter = ',', default_values = ["train", "eval"])]
    mode: Vec<Mode>,
    /// How PyTorch lays out its maps.
    #[arg(long, value_delimiter = ',', default_values = ["default", "channels_last"])]
    peer: Vec<Peer>,
    /// Pixels of a side; unless given, 224, 112 and 64 for resnet18 and 48 for narrow.
    #[arg(long, value_delimiter = ',')]
    size: Vec<usize>,
    /// Faces of a view; unless given, 16 for resnet18 and 64 for narrow.
    #[arg(long)]
    batch: Option<usize>,
    /// How many threads each side has.
    #[arg(long, value_delimiter = ',', default_values = ["2", "1"])]
    threads: Vec<usize>,
    /// Pairs of processes, ours and PyTorch's in turn.
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Steps of a process that count, of which the median is taken.
    #[arg(long, default_value_t = 5)]
    steps: usize,
    /// A Python that has PyTorch, instead of one installed under target/.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Writes all numbers as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Writes the table, with date, machine and versions.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Takes samples although other work runs.
    #[arg(long)]
    allow_load: bool,
}

impl Step {
    pub(super) fn run(&self) -> Outcome {
        let (python, ours) = (
            environment::python(self.python.as_deref())?,
            environment::ours()?,
        );
        let (mut comparisons, mut waits, mut version) = (Vec::new(), 0, String::new());
        for (job, peer) in self.jobs() {
            let mut pairs = Vec::new();
            for pair in 0..self.pairs {
                waits += load::wait_for_idle(self.allow_load)?;
                let mine = job.ours(&ours)?;
                waits += load::wait_for_idle(self.allow_load)?;
                let theirs = job.torch(&python, peer == Peer::ChannelsLast)?;
                version.clone_from(&theirs.version);
                eprintln!(
                    "{} {} px, {} threads, pair {}: {:.1} / {:.1} ms",
                    job.model,
                    job.size,
                    job.threads,
                    pair + 1,
                    mine.ms,
                    theirs.ms
                );
                pairs.push((mine, theirs));
            }
            comparisons.push(Comparison {
                job,
                peer: peer.name(),
                pairs,
            });
        }
        println!("{}", table(&comparisons));
        eprintln!("waited {waits} times for other work to end");
        if let Some(path) = &self.json {
            std::fs::write(
                path,
                serde_json::to_string_pretty(&json(&comparisons))? + "\n",
            )?;
        }
        if let Some(path) = &self.markdown {
            std::fs::write(path, self.page(&comparisons, &version))?;
        }
        Ok(())
    }

    /// The table with what one must know to read it.
    fn page(&self, comparisons: &[Comparison], version: &str) -> String {
        let load = match self.allow_load {
            true => "taken beside other work: of no value",
            false => "taken while nothing else ran",
        };
        format!(
            "{}, {}, {version}, {} pairs of {} steps, {load}.\n\n{}\n",
            environment::today(),
            environment::machine(),
            self.pairs,
            self.steps,
            table(comparisons)
        )
    }

    /// All combinations, the whole of one job after the other.
    fn jobs(&self) -> Vec<(Job, Peer)> {
        let mut jobs = Vec::new();
        for model in &self.model {
            let sizes = match self.size.as_slice() {
                [] => model.sizes().to_vec(),
                sizes => sizes.to_vec(),
            };
            for mode in &self.mode {
                for size in &sizes {
                    for threads in &self.threads {
                        let job = Job {
                            model: model.name().to_owned(),
                            mode: mode.name().to_owned(),
                            size: *size,
                            batch: self.batch.unwrap_or(model.batch()),
                            steps: self.steps,
                            threads: *threads,
                        };
                        jobs.extend(self.peer.iter().map(|peer| (job.clone(), *peer)));
                    }
                }
            }
        }
        jobs
    }
}

impl Model {
    fn name(self) -> &'static str {
        match self {
            Self::Resnet18 => "resnet18",
            Self::Narrow => "narrow",
        }
    }

    fn sizes(self) -> &'static [usize] {
        match self {
            Self::Resnet18 => &[224, 112, 64],
            Self::Narrow => &[48],
        }
    }

    fn batch(self) -> usize {
        match self {
            Self::Resnet18 => 16,
            Self::Narrow => 64,
        }
    }
}

impl Mode {
    /// As both programs call it.
    fn name(self) -> &'static str {
        match self {
            Self::Train => "separate",
            Self::Concat => "concat",
            Self::Supervised => "supervised",
            Self::Eval => "eval",
        }
    }
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::ChannelsLast => "channels_last",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        step: Step,
    }

    fn jobs(line: &str) -> Vec<(Job, Peer)> {
        Line::parse_from(format!("x {line}").split_whitespace())
            .step
            .jobs()
    }

    #[test]
    fn defaults_are_the_networks_own() {
        let all = jobs("");
        // Two modes, two peers, two counts of threads; three sizes and one.
        assert_eq!(all.len(), 8 * 4);
        let narrow = all.iter().filter(|(job, _)| job.model == "narrow");
        assert!(
            narrow
                .clone()
                .all(|(job, _)| (job.size, job.batch) == (48, 64))
        );
    }

    #[test]
    fn lists_are_joined_by_commas() {
        let all = jobs("--model narrow --size 32,64 --peer channels_last --threads 1 --mode eval");
        let sizes: Vec<usize> = all.iter().map(|(job, _)| job.size).collect();
        assert_eq!(sizes, [32, 64]);
        assert!(
            all.iter()
                .all(|(job, peer)| job.mode == "eval" && *peer == Peer::ChannelsLast)
        );
    }
}
