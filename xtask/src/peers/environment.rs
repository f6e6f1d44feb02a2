//! The two programs that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::python::Environment;
use crate::workspace::{cargo, output, root};

/// What PyTorch's side needs; the version is that of the results.
const PYTORCH: Environment = Environment {
    folder: "peers",
    packages: &["torch==2.15.*", "torchvision", "numpy"],
    ready: "import torch, torchvision; assert torch.__version__.startswith('2.15.'), \
            f'PyTorch {torch.__version__}, expected 2.15'",
    what: "PyTorch (with CUDA, as pip may choose it, 6 GB)",
};

/// The same with what reads our weights.
const WITH_SAFETENSORS: Environment = Environment {
    packages: &["torch==2.15.*", "torchvision", "numpy", "safetensors"],
    ready: "import safetensors, torch, torchvision; \
            assert torch.__version__.startswith('2.15.'), \
            f'PyTorch {torch.__version__}, expected 2.15'",
    ..PYTORCH
};

/// A Python with PyTorch: the given one, or that of a virtual environment.
///
/// # Errors
/// Those of [`Environment::python`].
pub(crate) fn python(given: Option<&Path>) -> Outcome<PathBuf> {
    PYTORCH.python(given)
}

/// The same, which can read safetensors as well.
///
/// # Errors
/// Those of [`Environment::python`].
pub(crate) fn python_with_safetensors(given: Option<&Path>) -> Outcome<PathBuf> {
    WITH_SAFETENSORS.python(given)
}

/// Builds a program of `benches/` and tells where it is.
///
/// # Errors
/// When cargo fails.
pub(crate) fn ours(bench: &str) -> Outcome<PathBuf> {
    eprintln!("building our side");
    let messages = output(cargo().args([
        "bench",
        "--bench",
        bench,
        "--no-run",
        "--message-format=json",
    ]))?;
    executable(&messages, bench).ok_or_else(|| format!("cargo built no benches/{bench}.rs").into())
}

/// Builds an example in the tests' profile and tells where it is.
///
/// # Errors
/// When cargo fails.
pub(crate) fn example(name: &str) -> Outcome<PathBuf> {
    let messages = output(cargo().args(["build", "--example", name, "--message-format=json"]))?;
    executable(&messages, name).ok_or_else(|| format!("cargo built no example {name}").into())
}

/// The executable that cargo's messages name.
fn executable(messages: &str, bench: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == bench)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
}

/// The processor's name, and how many of its threads this machine has.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|text| text.trim_start_matches([' ', '\t', ':']).to_owned());
    let threads = std::thread::available_parallelism().map_or(0, usize::from);
    let name = name.unwrap_or_else(|| "unknown processor".to_owned());
    format!("{name}, {threads} threads")
}

/// The commit and the compiler of our side.
///
/// # Errors
/// When rustc or git fails.
pub(crate) fn our_version() -> Outcome<String> {
    let rustc = output(Command::new("rustc").arg("--version").current_dir(root()))?;
    let rustc = rustc
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ");
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"])
        .current_dir(root());
    Ok(format!("ours at {}, {rustc}", output(&mut git)?.trim()))
}

/// Today, as the system's clock has it.
pub(crate) fn today() -> String {
    let date = output(Command::new("date").arg("+%Y-%m-%d"));
    date.map_or_else(|_| "undated".to_owned(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_the_benchs() {
        let messages = concat!(
            "{\"target\":{\"name\":\"leaf-core\"},\"executable\":null}\n",
            "{\"target\":{\"name\":\"step\"},\"executable\":\"target/release/deps/step-1\"}\n",
        );
        let found = executable(messages, "step");
        assert_eq!(found, Some(PathBuf::from("target/release/deps/step-1")));
        assert_eq!(executable("{}", "step"), None);
    }
}
