//! The ratios of pairs, as a table, as JSON and as a page.

use serde_json::{Value, json};

use super::sample::{Job, Sample, median};

/// Pairs of samples of one job.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) job: Job,
    pub(crate) peer: &'static str,
    pub(crate) pairs: Vec<(Sample, Sample)>,
}

impl Comparison {
    fn ratios(&self, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        let pairs = self.pairs.iter();
        pairs.map(|(ours, peer)| of(ours) / of(peer)).collect()
    }

    fn middle(&self, of: impl Fn(&(Sample, Sample)) -> f64) -> f64 {
        median(self.pairs.iter().map(of).collect()).unwrap_or(f64::NAN)
    }

    /// Our wall time over the peer's: median, smallest and largest of the pairs.
    fn ratio(&self) -> [f64; 3] {
        let ratios = self.ratios(|sample| sample.ms);
        let smallest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = ratios.iter().copied().fold(0., f64::max);
        [median(ratios).unwrap_or(f64::NAN), smallest, largest]
    }

    fn memory_ratio(&self) -> f64 {
        median(self.ratios(|sample| sample.peak_mb)).unwrap_or(f64::NAN)
    }

    fn json(&self) -> Value {
        let [ratio, smallest, largest] = self.ratio();
        json!({
            "model": self.job.model,
            "peer": self.peer,
            "plan": self.job.mode,
            "size": self.job.size,
            "batch": self.job.batch,
            "threads": self.job.threads,
            "ratio": ratio,
            "ratio_min": smallest,
            "ratio_max": largest,
            "memory_ratio": self.memory_ratio(),
            "ours_ms": self.middle(|pair| pair.0.ms),
            "peer_ms": self.middle(|pair| pair.1.ms),
            "ours_cpu_ms": self.middle(|pair| pair.0.cpu_ms),
            "peer_cpu_ms": self.middle(|pair| pair.1.cpu_ms),
            "ours_mb": self.middle(|pair| pair.0.peak_mb),
            "peer_mb": self.middle(|pair| pair.1.peak_mb),
            "ours_start_mb": self.middle(|pair| pair.0.start_mb),
            "peer_start_mb": self.middle(|pair| pair.1.start_mb),
            "pairs": self.pairs.len(),
        })
    }

    /// How much of the memory was there before the networks.
    pub(crate) fn start(&self) -> String {
        format!(
            "before there is a network, ours takes {:.0} MB and PyTorch {:.0} MB",
            self.middle(|pair| pair.0.start_mb),
            self.middle(|pair| pair.1.start_mb)
        )
    }

    fn row(&self) -> String {
        let [ratio, smallest, largest] = self.ratio();
        let Job {
            model,
            mode,
            size,
            batch,
            threads,
            ..
        } = &self.job;
        format!(
            "| {model} {mode} | {size} | {batch} | {threads} | {} | {} / {} | {} / {} | \
             **{ratio:.2}** ({smallest:.2} to {largest:.2}) | {:.0} / {:.0} | {:.2} |",
            self.peer.replace('_', "-"),
            milliseconds(self.middle(|pair| pair.0.ms)),
            milliseconds(self.middle(|pair| pair.1.ms)),
            milliseconds(self.middle(|pair| pair.0.cpu_ms)),
            milliseconds(self.middle(|pair| pair.1.cpu_ms)),
            self.middle(|pair| pair.0.peak_mb),
            self.middle(|pair| pair.1.peak_mb),
            self.memory_ratio(),
        )
    }
}

/// Three digits, or more before the point.
fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 10. => format!("{ms:.2}"),
        ms if ms < 100. => format!("{ms:.1}"),
        _ => format!("{ms:.0}"),
    }
}

/// `{"train": [...], "eval": [...]}`.
pub(crate) fn json(comparisons: &[Comparison]) -> Value {
    let of = |eval: bool| -> Vec<Value> {
        let chosen = comparisons.iter();
        let chosen = chosen.filter(|comparison| (comparison.job.mode == "eval") == eval);
        chosen.map(Comparison::json).collect()
    };
    json!({ "train": of(false), "eval": of(true) })
}

/// A table in Markdown, which reads well in a terminal too.
pub(crate) fn table(comparisons: &[Comparison]) -> String {
    let head = "| what | px | batch | threads | peer | wall ms, ours / peer | CPU ms | \
                ratio of wall time (spread) | peak MB | ratio |\n\
                |---|---|---|---|---|---|---|---|---|---|";
    let rows = comparisons.iter().map(Comparison::row);
    let lines: Vec<String> = std::iter::once(head.to_owned()).chain(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(mode: &str) -> Comparison {
        let sample = |ms: f64| Sample {
            ms,
            cpu_ms: 2. * ms,
            peak_mb: ms,
            start_mb: ms / 2.,
            version: String::new(),
        };
        Comparison {
            job: Job {
                model: "narrow".to_owned(),
                mode: mode.to_owned(),
                size: 48,
                batch: 64,
                steps: 5,
                threads: 2,
            },
            peer: "channels_last",
            pairs: vec![
                (sample(50.), sample(100.)),
                (sample(60.), sample(100.)),
                (sample(90.), sample(100.)),
            ],
        }
    }

    #[test]
    fn ratios_are_those_of_pairs() {
        let all = json(&[comparison("separate"), comparison("eval")]);
        let train = &all["train"][0];
        assert_eq!(train["ratio"], 0.6);
        assert_eq!(
            (&train["ratio_min"], &train["ratio_max"]),
            (&json!(0.5), &json!(0.9))
        );
        assert_eq!(train["memory_ratio"], 0.6);
        assert_eq!(
            (&train["model"], &train["peer"]),
            (&json!("narrow"), &json!("channels_last"))
        );
        assert_eq!(train["plan"], "separate");
        assert_eq!(
            (&train["ours_start_mb"], &train["peer_start_mb"]),
            (&json!(30.), &json!(50.))
        );
        assert_eq!(all["eval"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn the_table_has_a_row_for_each() {
        let comparison = comparison("separate");
        assert!(
            comparison
                .start()
                .contains("ours takes 30 MB and PyTorch 50 MB")
        );
        let text = table(&[comparison]);
        let row = text.lines().last().expect("a row");
        assert!(
            row.starts_with(
                "| narrow separate | 48 | 64 | 2 | channels-last | 60.0 / 100 | 120 / 200 |"
            ),
            "{row}"
        );
        assert!(row.contains("**0.60** (0.50 to 0.90)"), "{row}");
    }
}
