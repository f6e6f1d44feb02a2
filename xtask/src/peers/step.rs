//! `cargo xtask peers step`.

use std::path::PathBuf;

use clap::Args;

use super::case::{Mode, Model, Peer, positive};
use super::load::Watch;
use super::report::{Comparison, json, table};
use super::sample::{Job, Sample};
use super::{environment, results};
use crate::Outcome;
use crate::workspace::Crash;

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
    #[arg(long, value_delimiter = ',', value_parser = positive)]
    size: Vec<usize>,
    /// Faces of a view; unless given, 16 for resnet18 and 64 for narrow.
    #[arg(long, value_parser = positive)]
    batch: Option<usize>,
    /// How many threads each side has.
    #[arg(long, value_delimiter = ',', default_values = ["2", "1"], value_parser = positive)]
    threads: Vec<usize>,
    /// Pairs of processes, ours and PyTorch's in turn.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pairs: usize,
    /// Steps of a process that count, of which the median is taken.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    steps: usize,
    /// A Python that has PyTorch, instead of one installed under target/.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Writes all numbers as JSON, anew after each comparison.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Puts the table, with date, machine and versions, between the marks of this page or into a new one.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Takes samples although other work runs.
    #[arg(long)]
    allow_load: bool,
}

impl Step {
    pub(super) fn run(&self) -> Outcome {
        self.json.as_deref().map_or(Ok(()), results::check)?;
        self.markdown
            .as_deref()
            .map_or(Ok(()), |page| results::check_page(page, "step"))?;
        let sides = Sides {
            python: environment::python(self.python.as_deref())?,
            ours: environment::ours("step")?,
        };
        let mut watch = Watch::new(self.allow_load);
        let (mut comparisons, mut crashes) = (Vec::new(), Vec::new());
        for (job, peer) in self.jobs() {
            let name = name(&job, peer);
            match self.compare(&sides, &mut watch, job, peer)? {
                Some(comparison) => comparisons.push(comparison),
                None => crashes.push(name),
            }
            if let Some(path) = &self.json {
                // What is measured stays, should the machine be busy from here on.
                let text = serde_json::to_string_pretty(&json(&comparisons))?;
                results::write(path, &(text + "\n"))?;
            }
        }
        if comparisons.is_empty() {
            return Err("PyTorch crashed in every comparison: there is nothing to report".into());
        }
        println!("{}", table(&comparisons));
        if let Some(comparison) = comparisons.first() {
            eprintln!("{}", comparison.start());
        }
        eprintln!("{}{}", watch.report(), crashed(&crashes));
        if let Some(path) = &self.markdown {
            let page = self.page(&comparisons, &crashes, &watch)?;
            results::write_page(path, "step", &page)?;
        }
        Ok(())
    }

    /// Ours and PyTorch's in turn; nothing where PyTorch crashes, which the next comparison can do without.
    fn compare(
        &self,
        sides: &Sides,
        watch: &mut Watch,
        job: Job,
        peer: Peer,
    ) -> Outcome<Option<Comparison>> {
        let mut pairs = Vec::new();
        for pair in 1..=self.pairs {
            let mine = watch.sample(|| job.ours(&sides.ours))?;
            let theirs = watch.sample(|| job.torch(&sides.python, peer == Peer::ChannelsLast));
            let theirs = match theirs {
                Err(error) if error.is::<Crash>() => {
                    eprintln!("{}: {error}", name(&job, peer));
                    return Ok(None);
                }
                theirs => theirs?,
            };
            eprintln!("{}", progress(&job, peer, pair, &mine, &theirs));
            pairs.push((mine, theirs));
        }
        Ok(Some(Comparison {
            job,
            peer: peer.name(),
            pairs,
        }))
    }

    /// The table with what one must know to read it.
    fn page(
        &self,
        comparisons: &[Comparison],
        crashes: &[String],
        watch: &Watch,
    ) -> Outcome<String> {
        let load = match self.allow_load {
            true => "taken beside other work: of no value".to_owned(),
            false => format!("taken while nothing else ran ({})", watch.report()),
        };
        let first = comparisons.first();
        let peer = first.and_then(|first| Some(&first.pairs.first()?.1.version));
        Ok(format!(
            "{}, {}; {}; {}; {} pairs of {} steps, {load}; {}{}.\n\n{}\n",
            environment::today(),
            environment::machine(),
            environment::our_version()?,
            peer.map_or("", String::as_str),
            self.pairs,
            self.steps,
            first.map(Comparison::start).unwrap_or_default(),
            crashed(crashes),
            table(comparisons)
        ))
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

/// The two programs.
struct Sides {
    python: PathBuf,
    ours: PathBuf,
}

fn progress(job: &Job, peer: Peer, pair: usize, mine: &Sample, theirs: &Sample) -> String {
    let name = name(job, peer);
    format!("{name}, pair {pair}: {:.1} / {:.1} ms", mine.ms, theirs.ms)
}

fn name(job: &Job, peer: Peer) -> String {
    format!(
        "{} {} {} px, {} threads, {}",
        job.model,
        job.mode,
        job.size,
        job.threads,
        peer.name(),
    )
}

/// What has no ratio, after a semicolon.
fn crashed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(
            "; PyTorch crashed, and has no times, in {}",
            names.join(" and ")
        ),
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

    #[test]
    fn crashes_are_named() {
        assert_eq!(crashed(&[]), "");
        let (job, peer) = jobs("--model narrow --threads 2 --mode eval --peer default").remove(0);
        let said = crashed(&[name(&job, peer), "another".to_owned()]);
        assert!(
            said.ends_with("in narrow eval 48 px, 2 threads, default and another"),
            "{said}"
        );
    }

    #[test]
    fn counts_of_0_are_refused() {
        for option in ["--pairs", "--steps", "--batch", "--size", "--threads"] {
            let error = Line::try_parse_from(["x", option, "0"]).expect_err("0 of something");
            let text = error.to_string();
            assert!(
                text.contains(option) && text.contains("at least 1"),
                "{text}"
            );
        }
    }
}
