//! `cargo xtask peers views`.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::case::positive;
use super::load::Watch;
use super::views_report::{Case, Rate, json, table};
use super::{environment, results};
use crate::Outcome;
use crate::workspace::{output, root, run};

/// Where the folder of JPEG files is made from, and what it is made into.
const PACK: &str = "crates/leaf-data/assets/drawn-faces/train.png";
const FOLDER: &str = "target/peers-views";

/// Faces of JPEG files made into weak, weak and strong views, ours and PyTorch's in turn, each in a process of
/// its own; PyTorch's has one thread.
#[derive(Debug, Args)]
pub(crate) struct Views {
    /// Pixels of a view's side.
    #[arg(long, value_delimiter = ',', default_values = ["224", "48"], value_parser = positive)]
    size: Vec<usize>,
    /// Threads of our side.
    #[arg(long, value_delimiter = ',', default_values = ["1", "2"], value_parser = positive)]
    threads: Vec<usize>,
    /// Whether our side keeps decoded faces.
    #[arg(long, value_delimiter = ',', default_values = ["false", "true"])]
    cache: Vec<bool>,
    /// Pairs of processes, ours and PyTorch's in turn.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pairs: usize,
    /// How long a process makes views.
    #[arg(long, default_value_t = 3, value_parser = positive)]
    seconds: usize,
    /// A folder of .jpg files, instead of drawn faces of 100 pixels, which are made under target/.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A Python that has PyTorch and torchvision, instead of one installed under target/.
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

impl Views {
    pub(super) fn run(&self) -> Outcome {
        self.json.as_deref().map_or(Ok(()), results::check)?;
        let page = self.markdown.as_deref();
        page.map_or(Ok(()), |page| results::check_page(page, "views"))?;
        let python = environment::python(self.python.as_deref())?;
        let folder = self.folder(&python)?;
        let ours = environment::ours("view_rate")?;
        let mut watch = Watch::new(self.allow_load);
        let mut cases = Vec::new();
        for (size, cache, threads) in self.cases() {
            let mut case = Case::new(size, threads, cache);
            for pair in 1..=self.pairs {
                let mine = watch.sample(|| self.ours(&ours, &folder, &case))?;
                let peer = watch.sample(|| self.torch(&python, &folder, size))?;
                eprintln!("{case}, pair {pair} of {}", self.pairs);
                case.pairs.push((mine, peer));
            }
            case.floor = Some(
                watch
                    .sample(|| self.floor(&ours, &folder, size))?
                    .images_per_s,
            );
            cases.push(case);
            if let Some(path) = &self.json {
                // What is measured stays, should the machine be busy from here on.
                let text = serde_json::to_string_pretty(&json(&cases))?;
                results::write(path, &(text + "\n"))?;
            }
        }
        println!("{}", table(&cases));
        eprintln!("{}", watch.report());
        if let Some(path) = page {
            results::write_page(path, "views", &self.page(&cases, &watch)?)?;
        }
        Ok(())
    }

    fn cases(&self) -> impl Iterator<Item = (usize, bool, usize)> {
        let caches = |size| self.cache.iter().map(move |&cache| (size, cache));
        let both = self.size.iter().flat_map(move |&size| caches(size));
        both.flat_map(|(size, cache)| self.threads.iter().map(move |&t| (size, cache, t)))
    }

    fn folder(&self, python: &Path) -> Outcome<PathBuf> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let folder = root().join(FOLDER);
        eprintln!("writing faces to {FOLDER}");
        let mut make = Command::new(python);
        make.arg(script()).arg("--folder").arg(&folder);
        run(make.arg("--make").arg(root().join(PACK)))?;
        Ok(folder)
    }

    fn ours(&self, program: &Path, folder: &Path, case: &Case) -> Outcome<Rate> {
        let mut command = Command::new(program);
        self.common(&mut command, folder, case.size);
        command.args(["--threads", &case.threads.to_string()]);
        if case.cache {
            command.arg("--cache");
        }
        Rate::parse(&output(&mut command)?)
    }

    fn torch(&self, python: &Path, folder: &Path, size: usize) -> Outcome<Rate> {
        let mut command = Command::new(python);
        command.arg(script());
        self.common(&mut command, folder, size);
        command.env("OMP_NUM_THREADS", "1");
        Rate::parse(&output(&mut command)?)
    }

    /// What writing as many numbers as the views have allows, on one thread.
    fn floor(&self, program: &Path, folder: &Path, size: usize) -> Outcome<Rate> {
        let mut command = Command::new(program);
        self.common(&mut command, folder, size);
        Rate::parse(&output(command.arg("--only-write"))?)
    }

    fn common(&self, command: &mut Command, folder: &Path, size: usize) {
        command.arg("--folder").arg(folder);
        command.args(["--size", &size.to_string()]);
        command.args(["--seconds", &self.seconds.to_string()]);
    }

    /// The table with what one must know to read it.
    fn page(&self, cases: &[Case], watch: &Watch) -> Outcome<String> {
        let load = match self.allow_load {
            true => "taken beside other work: of no value".to_owned(),
            false => format!("taken while nothing else ran ({})", watch.report()),
        };
        let faces = match &self.folder {
            Some(_) => "faces of a folder",
            None => "drawn faces of 100 pixels",
        };
        let version = cases.iter().find_map(Case::version).unwrap_or_default();
        Ok(format!(
            "{}, {}; {}; {version}; {faces}; {} pairs of {} s, {load}.\n\n{}\n",
            environment::today(),
            environment::machine(),
            environment::our_version()?,
            self.pairs,
            self.seconds,
            table(cases)
        ))
    }
}

fn script() -> PathBuf {
    root().join("tests/peers/torch_views.py")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        views: Views,
    }

    #[test]
    fn one_thread_comes_before_two_of_the_same_case() {
        let views = Line::parse_from(["x"]).views;
        let cases: Vec<_> = views.cases().collect();
        assert_eq!(cases.len(), 8);
        assert_eq!(
            cases[..3],
            [(224, false, 1), (224, false, 2), (224, true, 1)]
        );
    }

    #[test]
    fn what_both_sides_get_is_the_same() {
        let views = Line::parse_from(["x", "--seconds", "2"]).views;
        let mut command = Command::new("program");
        views.common(&mut command, Path::new("faces"), 48);
        let words: Vec<_> = command.get_args().collect();
        assert_eq!(
            words,
            ["--folder", "faces", "--size", "48", "--seconds", "2"]
        );
    }

    #[test]
    fn the_faces_are_made_from_a_file_that_is_there() {
        assert!(root().join(PACK).is_file() && script().is_file());
    }
}
