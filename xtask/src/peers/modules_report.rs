//! What the sides of `cargo xtask peers modules` print, their ratios as a table and as JSON.

use serde_json::{Value, json as object};

use super::sample::median;
use crate::Outcome;

/// One case of one process.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    module: String,
    experts: String,
    pass: String,
    rows: u64,
    top_k: u64,
    pub(crate) ms: f64,
    cpu_ms: f64,
}

/// The lines of one process of each side, in the same order.
#[derive(Clone, Debug)]
pub(crate) struct Pair(Vec<(Line, Line)>);

impl Line {
    fn parse(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value[name].as_str()?.to_owned());
        Some(Self {
            module: text("module")?,
            experts: text("experts")?,
            pass: text("pass")?,
            rows: value["rows"].as_u64()?,
            top_k: value["top_k"].as_u64()?,
            ms: value["ms"].as_f64()?,
            cpu_ms: value["cpu_ms"].as_f64()?,
        })
    }

    fn is_same_case(&self, other: &Self) -> bool {
        let name = |line: &Self| {
            let words = (line.module.clone(), line.experts.clone(), line.pass.clone());
            (words, line.rows, line.top_k)
        };
        name(self) == name(other)
    }

    /// Floating-point operations in thousand millions of a product of squares.
    fn product_rate(&self) -> Option<f64> {
        let operations = 2. * (self.rows as f64).powi(3);
        (self.module == "product").then(|| operations / self.ms / 1e6)
    }
}

/// A process's lines, and its version if it tells one.
///
/// # Errors
/// When it printed something else, or no case.
pub(crate) fn lines(text: &str) -> Outcome<(Vec<Line>, String)> {
    let values: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let lines: Vec<Line> = values.iter().filter_map(Line::parse).collect();
    if lines.is_empty() {
        return Err("a side measured nothing".into());
    }
    let mut versions = values.iter().filter_map(|value| value["version"].as_str());
    Ok((lines, versions.next_back().unwrap_or_default().to_owned()))
}

impl Pair {
    /// # Errors
    /// When the sides did not measure the same.
    pub(crate) fn of(ours: Vec<Line>, peer: Vec<Line>) -> Outcome<Self> {
        let same = ours.len() == peer.len();
        let pairs: Vec<(Line, Line)> = ours.into_iter().zip(peer).collect();
        if !same || !pairs.iter().all(|(ours, peer)| ours.is_same_case(peer)) {
            return Err("the sides measured different cases".into());
        }
        Ok(Self(pairs))
    }
}

/// One case over all pairs.
struct Case<'a>(Vec<&'a (Line, Line)>);

impl Case<'_> {
    fn line(&self) -> &Line {
        &self.0[0].0
    }

    fn middle(&self, of: impl Fn(&(Line, Line)) -> f64) -> f64 {
        median(self.0.iter().map(|pair| of(pair)).collect()).unwrap_or(f64::NAN)
    }

    /// Our time over the peer's: median, smallest and largest of the pairs.
    fn ratio(&self) -> [f64; 3] {
        let ratio = |pair: &(Line, Line)| pair.0.ms / pair.1.ms;
        let all = || self.0.iter().map(|pair| ratio(pair));
        let smallest = all().fold(f64::INFINITY, f64::min);
        let largest = all().fold(0., f64::max);
        [self.middle(ratio), smallest, largest]
    }

    fn json(&self, threads: usize) -> Value {
        let [ratio, smallest, largest] = self.ratio();
        let line = self.line();
        object!({
            "module": line.module,
            "experts": line.experts,
            "pass": line.pass,
            "rows": line.rows,
            "top_k": line.top_k,
            "threads": threads,
            "ratio": ratio,
            "ratio_min": smallest,
            "ratio_max": largest,
            "ours_ms": self.middle(|pair| pair.0.ms),
            "peer_ms": self.middle(|pair| pair.1.ms),
            "ours_cpu_ms": self.middle(|pair| pair.0.cpu_ms),
            "peer_cpu_ms": self.middle(|pair| pair.1.cpu_ms),
            "pairs": self.0.len(),
        })
    }

    fn row(&self) -> String {
        let [ratio, smallest, largest] = self.ratio();
        let line = self.line();
        let rate = |of: &dyn Fn(&(Line, Line)) -> Option<f64>| {
            let rate = self.middle(|pair| of(pair).unwrap_or(f64::NAN));
            if rate.is_nan() {
                String::new()
            } else {
                format!("{rate:.0}")
            }
        };
        let rates = [
            rate(&|pair| pair.0.product_rate()),
            rate(&|pair| pair.1.product_rate()),
        ];
        let rates = rates.join(" / ");
        format!(
            "| {} | {} | {} | {} | {:.3} / {:.3} | {:.3} / {:.3} | **{ratio:.2}** \
             ({smallest:.2} to {largest:.2}) |{}",
            [line.module.as_str(), line.experts.as_str()]
                .join(" ")
                .trim_end(),
            line.pass,
            line.rows,
            if line.top_k > 0 {
                line.top_k.to_string()
            } else {
                String::new()
            },
            self.middle(|pair| pair.0.ms),
            self.middle(|pair| pair.1.ms),
            self.middle(|pair| pair.0.cpu_ms),
            self.middle(|pair| pair.1.cpu_ms),
            if rates == " / " {
                " |".to_owned()
            } else {
                format!(" {rates} |")
            },
        )
    }
}

/// The cases of modules, each measured in some pairs of processes.
fn cases(all: &[Vec<Pair>]) -> Vec<Case<'_>> {
    let of_module = |pairs: &'_ [Pair]| pairs.first().map_or(0, |pair| pair.0.len());
    all.iter()
        .flat_map(|pairs| {
            (0..of_module(pairs)).map(|i| Case(pairs.iter().filter_map(|p| p.0.get(i)).collect()))
        })
        .collect()
}

/// `{"modules": [...], "peer": ...}`; the product of matrices is beside the modules, as `products`.
pub(crate) fn json(all: &[Vec<Pair>], threads: usize, version: &str) -> Value {
    let of = |products: bool| -> Vec<Value> {
        let cases = cases(all).into_iter();
        let cases = cases.filter(|case| (case.line().module == "product") == products);
        cases.map(|case| case.json(threads)).collect()
    };
    object!({ "modules": of(false), "products": of(true), "peer": version })
}

/// A table in Markdown, which reads well in a terminal too.
pub(crate) fn table(all: &[Vec<Pair>]) -> String {
    let head = "| module | pass | rows | k | wall ms, ours / peer | CPU ms | ratio of wall time \
                (spread) | GFLOP/s |\n|---|---|---|---|---|---|---|---|";
    let rows = cases(all);
    let rows = rows.iter().map(Case::row);
    let lines: Vec<String> = std::iter::once(head.to_owned()).chain(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(module: &str, ms: f64) -> String {
        let line = object!({
            "module": module, "experts": "tied", "pass": "train", "rows": 1000, "top_k": 2,
            "ms": ms, "cpu_ms": 2. * ms,
        });
        format!("{line}\n{{\"version\": \"x 1\"}}\n")
    }

    fn pair(module: &str, ours: f64, peer: f64) -> Outcome<Pair> {
        Pair::of(lines(&text(module, ours))?.0, lines(&text(module, peer))?.0)
    }

    #[test]
    fn ratios_are_those_of_pairs() -> Outcome {
        let all = [vec![
            pair("aggregation", 5., 10.)?,
            pair("aggregation", 6., 10.)?,
            pair("aggregation", 9., 10.)?,
        ]];
        let value = json(&all, 2, "x 1");
        let module = &value["modules"][0];
        assert_eq!(module["ratio"], 0.6);
        assert_eq!(
            (&module["ratio_min"], &module["ratio_max"]),
            (&object!(0.5), &object!(0.9))
        );
        assert_eq!(
            (&module["module"], &module["pass"]),
            (&object!("aggregation"), &object!("train"))
        );
        assert_eq!(
            (&module["rows"], &module["top_k"]),
            (&object!(1000), &object!(2))
        );
        let shown = table(&all);
        let row = shown.lines().last().unwrap_or_default();
        assert!(
            row.contains("| aggregation tied | train | 1000 | 2 | 6.000 / 10.000 |"),
            "{row}"
        );
        assert!(row.contains("**0.60** (0.50 to 0.90)"), "{row}");
        Ok(())
    }

    #[test]
    fn products_have_a_rate_and_a_list_of_their_own() -> Outcome {
        let all = [vec![pair("product", 10., 20.)?]];
        let value = json(&all, 2, "");
        assert_eq!(value["modules"].as_array().map(Vec::len), Some(0));
        assert_eq!(value["products"].as_array().map(Vec::len), Some(1));
        assert!(table(&all).ends_with(" 200 / 100 |"), "{}", table(&all));
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Outcome {
        assert!(pair("aggregation", 1., 1.).is_ok());
        let (a, b) = (lines(&text("a", 1.))?.0, lines(&text("b", 1.))?.0);
        assert!(Pair::of(a, b).is_err());
        assert!(lines("{}").is_err());
        assert!(lines("nonsense").is_err());
        assert_eq!(lines(&text("a", 1.))?.1, "x 1");
        Ok(())
    }
}
