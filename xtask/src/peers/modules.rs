//! `cargo xtask peers modules`.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, ValueEnum};

use super::case::positive;
use super::load::Watch;
use super::modules_report::{Line, Pair, json, lines, table};
use super::{environment, results};
use crate::Outcome;
use crate::workspace::{output, root};

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Module {
    /// A gate and its experts, in training and in evaluation.
    Aggregation,
    /// The decoupled consistency, with what it needs of the weak prediction.
    Decoupled,
    /// The contrast of two views a face.
    Contrastive,
    /// The product of two square matrices (candle's on our side): what the machine can do.
    Product,
}

impl Module {
    fn name(self) -> &'static str {
        match self {
            Self::Aggregation => "aggregation",
            Self::Decoupled => "decoupled",
            Self::Contrastive => "contrastive",
            Self::Product => "product",
        }
    }

    /// As many rows as the module is used with.
    fn rows(self) -> &'static [usize] {
        match self {
            Self::Product => &[1024, 2048],
            _ => &[16, 64, 256, 1024],
        }
    }
}

/// The experts of an aggregation.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Experts {
    /// Residual networks of two layers.
    Residual,
    /// Linear ones.
    Linear,
    /// One residual network in every place.
    Tied,
}

impl Experts {
    fn name(self) -> &'static str {
        match self {
            Self::Residual => "residual",
            Self::Linear => "linear",
            Self::Tied => "tied",
        }
    }
}

/// Single modules, ours and PyTorch's in turn, each in a process of its own.
#[derive(Debug, Args)]
pub(crate) struct Modules {
    /// Which modules.
    #[arg(long, value_delimiter = ',',
          default_values = ["aggregation", "decoupled", "contrastive", "product"])]
    module: Vec<Module>,
    /// The aggregation's experts.
    #[arg(long, value_delimiter = ',', default_values = ["residual", "linear", "tied"])]
    experts: Vec<Experts>,
    /// Rows; unless given, 16, 64, 256 and 1,024, and 1,024 and 2,048 for the product.
    #[arg(long, value_delimiter = ',', value_parser = positive)]
    rows: Vec<usize>,
    /// How many experts a row keeps.
    #[arg(long, value_delimiter = ',', default_values = ["1", "2"], value_parser = positive)]
    top_k: Vec<usize>,
    /// How many threads each side has.
    #[arg(long, default_value_t = 2, value_parser = positive)]
    threads: usize,
    /// Pairs of processes, ours and PyTorch's in turn.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pairs: usize,
    /// Passes of a process that count, of which the median is taken.
    #[arg(long, default_value_t = 50, value_parser = positive)]
    repeats: usize,
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

impl Modules {
    pub(super) fn run(&self) -> Outcome {
        self.json.as_deref().map_or(Ok(()), results::check)?;
        let page = self.markdown.as_deref();
        page.map_or(Ok(()), |page| results::check_page(page, "modules"))?;
        let python = environment::python(self.python.as_deref())?;
        let ours = environment::ours("modules")?;
        let mut watch = Watch::new(self.allow_load);
        let mut all: Vec<Vec<Pair>> = Vec::new();
        let mut version = String::new();
        for module in &self.module {
            let mut pairs = Vec::new();
            for pair in 1..=self.pairs {
                let mine = watch.sample(|| self.ours(&ours, *module))?;
                let theirs = watch.sample(|| self.torch(&python, *module))?;
                eprintln!("{}, pair {pair} of {}", module.name(), self.pairs);
                version.clone_from(&theirs.1);
                pairs.push(Pair::of(mine.0, theirs.0)?);
            }
            all.push(pairs);
            if let Some(path) = &self.json {
                // What is measured stays, should the machine be busy from here on.
                let text = serde_json::to_string_pretty(&json(&all, self.threads, &version))?;
                results::write(path, &(text + "\n"))?;
            }
        }
        println!("{}", table(&all));
        eprintln!("{}", watch.report());
        if let Some(path) = page {
            let text = self.page(&all, &version, &watch)?;
            results::write_page(path, "modules", &text)?;
        }
        Ok(())
    }

    fn arguments(&self, module: Module) -> Vec<String> {
        let list = |numbers: &[usize]| {
            let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
            texts.join(",")
        };
        let rows = match self.rows.as_slice() {
            [] => module.rows(),
            rows => rows,
        };
        let experts: Vec<&str> = self.experts.iter().map(|experts| experts.name()).collect();
        [
            ("--module", module.name().to_owned()),
            ("--experts", experts.join(",")),
            ("--rows", list(rows)),
            ("--top-k", list(&self.top_k)),
            ("--repeats", self.repeats.to_string()),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }

    fn ours(&self, program: &Path, module: Module) -> Outcome<(Vec<Line>, String)> {
        let mut command = Command::new(program);
        command.args(self.arguments(module));
        sample(&mut command, self.threads)
    }

    fn torch(&self, python: &Path, module: Module) -> Outcome<(Vec<Line>, String)> {
        let mut command = Command::new(python);
        command.arg(root().join("tests/peers/torch_modules.py"));
        command.args(self.arguments(module));
        command.args(["--threads", &self.threads.to_string()]);
        sample(&mut command, self.threads)
    }

    /// The table with what one must know to read it.
    fn page(&self, all: &[Vec<Pair>], version: &str, watch: &Watch) -> Outcome<String> {
        let load = match self.allow_load {
            true => "taken beside other work: of no value".to_owned(),
            false => format!("taken while nothing else ran ({})", watch.report()),
        };
        Ok(format!(
            "{}, {}; {}; {version}; {} threads, {} pairs of {} passes, {load}.\n\n{}\n",
            environment::today(),
            environment::machine(),
            environment::our_version()?,
            self.threads,
            self.pairs,
            self.repeats,
            table(all)
        ))
    }
}

/// Runs a side with that many threads.
///
/// # Errors
/// When it fails or prints something else.
pub(super) fn sample(command: &mut Command, threads: usize) -> Outcome<(Vec<Line>, String)> {
    let threads = threads.to_string();
    for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS"] {
        command.env(variable, &threads);
    }
    lines(&output(command)?)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        modules: Modules,
    }

    #[test]
    fn both_sides_get_the_same_arguments() {
        let line = "x --module contrastive --rows 16,64 --repeats 3 --experts tied";
        let modules = Command::parse_from(line.split(' ')).modules;
        let found = modules.arguments(Module::Contrastive).join(" ");
        let wanted = "--module contrastive --experts tied --rows 16,64 --top-k 1,2 --repeats 3";
        assert_eq!(found, wanted);
        let defaults = Command::parse_from(["x"]).modules;
        let found = defaults.arguments(Module::Product).join(" ");
        assert!(found.contains("--rows 1024,2048"), "{found}");
    }

    #[test]
    fn names_are_those_of_the_command_line() {
        for module in Module::value_variants() {
            assert_eq!(Module::from_str(module.name(), false), Ok(*module));
        }
        for experts in Experts::value_variants() {
            assert_eq!(Experts::from_str(experts.name(), false), Ok(*experts));
        }
    }
}
