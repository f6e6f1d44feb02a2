//! What the sides of `cargo xtask peers views` print, their ratios as a table and as JSON.

use std::fmt;

use serde_json::{Value, json as object};

use super::sample::median;
use crate::Outcome;

/// What one process managed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rate {
    pub(crate) images_per_s: f64,
    /// The processor's time an image.
    cpu_ms: f64,
    version: String,
}

impl Rate {
    /// # Errors
    /// When a process printed something else.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let value: Value = serde_json::from_str(text.trim())?;
        let number = |name: &str| {
            let told = value[name].as_f64().filter(|number| number.is_finite());
            told.ok_or_else(|| format!("a side told no {name}"))
        };
        Ok(Self {
            images_per_s: number("images_per_s")?,
            cpu_ms: number("cpu_ms")?,
            version: value["version"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// One size, our threads, with or without decoded faces in memory; ours and the peer's in each pair.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) size: usize,
    pub(crate) threads: usize,
    pub(crate) cache: bool,
    pub(crate) pairs: Vec<(Rate, Rate)>,
    /// Images a second if their numbers were only written.
    pub(crate) floor: Option<f64>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = if self.cache {
            "from memory"
        } else {
            "from JPEG"
        };
        write!(f, "{} px, {} threads, {from}", self.size, self.threads)
    }
}

impl Case {
    pub(crate) fn new(size: usize, threads: usize, cache: bool) -> Self {
        Self {
            size,
            threads,
            cache,
            pairs: Vec::new(),
            floor: None,
        }
    }

    pub(crate) fn version(&self) -> Option<String> {
        self.pairs.first().map(|(_, peer)| peer.version.clone())
    }

    fn middle(&self, of: impl Fn(&(Rate, Rate)) -> f64) -> f64 {
        median(self.pairs.iter().map(of).collect()).unwrap_or(f64::NAN)
    }

    fn ours(&self) -> f64 {
        self.middle(|pair| pair.0.images_per_s)
    }

    /// Our images a second over the peer's: median, smallest and largest of the pairs.
    fn speedup(&self) -> [f64; 3] {
        let speedup = |pair: &(Rate, Rate)| pair.0.images_per_s / pair.1.images_per_s;
        let all = || self.pairs.iter().map(speedup);
        let smallest = all().fold(f64::INFINITY, f64::min);
        [self.middle(speedup), smallest, all().fold(0., f64::max)]
    }

    /// Images a second over those of one thread, where that was measured.
    fn scaling(&self, all: &[Self]) -> Option<f64> {
        let same =
            |case: &&Self| (case.size, case.cache, case.threads) == (self.size, self.cache, 1);
        Some(self.ours() / all.iter().find(same)?.ours())
    }

    fn json(&self, all: &[Self]) -> Value {
        let [speedup, smallest, largest] = self.speedup();
        object!({
            "size": self.size,
            "threads": self.threads,
            "cache": self.cache,
            "speedup": speedup,
            "speedup_min": smallest,
            "speedup_max": largest,
            "ours_images_per_s": self.ours(),
            "peer_images_per_s": self.middle(|pair| pair.1.images_per_s),
            "ours_cpu_ms": self.middle(|pair| pair.0.cpu_ms),
            "peer_cpu_ms": self.middle(|pair| pair.1.cpu_ms),
            "over_one_thread": self.scaling(all),
            "writing_alone_images_per_s": self.floor,
            "pairs": self.pairs.len(),
        })
    }

    fn row(&self, all: &[Self]) -> String {
        let [speedup, smallest, largest] = self.speedup();
        let number = |number: Option<f64>, digits: usize| {
            number.map_or(String::new(), |number| format!("{number:.digits$}"))
        };
        format!(
            "| {} | {} | {} | {:.0} / {:.0} | {:.3} / {:.3} | **{speedup:.1}** ({smallest:.1} to {largest:.1}) \
             | {} | {} |",
            self.size,
            self.threads,
            if self.cache { "memory" } else { "JPEG" },
            self.ours(),
            self.middle(|pair| pair.1.images_per_s),
            self.middle(|pair| pair.0.cpu_ms),
            self.middle(|pair| pair.1.cpu_ms),
            number(self.scaling(all), 2),
            number(self.floor, 0),
        )
    }
}

/// `{"views": [...], "peer": ...}`.
pub(crate) fn json(cases: &[Case]) -> Value {
    let views: Vec<Value> = cases.iter().map(|case| case.json(cases)).collect();
    object!({ "views": views, "peer": cases.iter().find_map(Case::version) })
}

/// A table in Markdown, which reads well in a terminal too.
pub(crate) fn table(cases: &[Case]) -> String {
    let head = "| px | our threads | from | images a second, ours / peer | CPU ms an image | speed-up (spread) | \
                over one thread | writing alone, one thread |\n|---|---|---|---|---|---|---|---|";
    let rows = cases.iter().map(|case| case.row(cases));
    let lines: Vec<String> = std::iter::once(head.to_owned()).chain(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(images_per_s: f64) -> Rate {
        let text =
            format!("{{\"images_per_s\": {images_per_s}, \"cpu_ms\": 2, \"version\": \"x 1\"}}\n");
        Rate::parse(&text).expect("a rate")
    }

    fn case(threads: usize, ours: [f64; 3]) -> Case {
        Case {
            pairs: ours.map(|ours| (rate(ours), rate(100.))).to_vec(),
            floor: Some(5000.),
            ..Case::new(48, threads, false)
        }
    }

    #[test]
    fn speedups_are_those_of_pairs() {
        let cases = [case(1, [500., 600., 550.]), case(2, [900., 1100., 1100.])];
        let value = json(&cases);
        let row = &value["views"][1];
        assert_eq!((&row["size"], &row["threads"]), (&object!(48), &object!(2)));
        assert_eq!(
            (&row["cache"], &row["speedup"]),
            (&object!(false), &object!(11.))
        );
        assert_eq!(
            (&row["speedup_min"], &row["speedup_max"]),
            (&object!(9.), &object!(11.))
        );
        assert_eq!(row["over_one_thread"], 2.);
        assert_eq!(value["peer"], "x 1");
        let shown = table(&cases);
        let row = shown.lines().last().unwrap_or_default();
        assert!(row.contains("| 48 | 2 | JPEG | 1100 / 100 |"), "{row}");
        assert!(
            row.contains("**11.0** (9.0 to 11.0) | 2.00 | 5000 |"),
            "{row}"
        );
    }

    #[test]
    fn without_one_thread_there_is_no_scaling() {
        let cases = [case(2, [500.; 3])];
        assert_eq!(json(&cases)["views"][0]["over_one_thread"], Value::Null);
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in ["nonsense", "{}", "{\"images_per_s\": 3}"] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }
}
