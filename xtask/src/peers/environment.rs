//! The two programs that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Outcome;
use crate::workspace::{cargo, output, root, run};

/// What PyTorch's side needs, by the names that pip knows.
const PACKAGES: [&str; 3] = ["torch==2.15.*", "torchvision", "numpy"];

/// What a Python must be able to do: the version is that of the results.
const READY: &str = "import torch, torchvision; assert torch.__version__.startswith('2.15.'), \
                     f'PyTorch {torch.__version__}, expected 2.15'";

/// A Python with PyTorch: the given one, or that of a virtual environment under `target/`, which is
/// made on the first use.
///
/// # Errors
/// When python3 or pip fails, or the given Python has no PyTorch.
pub(crate) fn python(given: Option<&Path>) -> Outcome<PathBuf> {
    if let Some(python) = given {
        import(python)?;
        return Ok(python.to_path_buf());
    }
    let folder = root().join("target/peers");
    let python = folder.join("bin/python");
    if import(&python).is_ok() {
        return Ok(python);
    }
    eprintln!("installing PyTorch into target/peers (with CUDA, as pip may choose it, 6 GB)");
    let hint =
        "a Python 3.10 or newer with venv and pip is needed; --python takes one that has PyTorch";
    let hinted = |error| format!("{error}; {hint}");
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).map_err(hinted)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet"]).args(PACKAGES);
    run(&mut pip).map_err(hinted)?;
    import(&python)?;
    Ok(python)
}

/// [`python`] with one more package, which pip installs into our own environment if it is not there.
///
/// # Errors
/// Those of [`python`], and when the package is not in the given Python.
pub(crate) fn python_with(given: Option<&Path>, package: &str) -> Outcome<PathBuf> {
    let python = python(given)?;
    let there =
        || output(Command::new(&python).args(["-c", &format!("import {package}")])).map(drop);
    if given.is_none() && there().is_err() {
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet", package]))?;
    }
    there()?;
    Ok(python)
}

fn import(python: &Path) -> Outcome {
    output(Command::new(python).args(["-c", READY])).map(drop)
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

    #[test]
    fn a_python_without_pytorch_is_named() {
        let missing = Path::new("no-such-folder/python");
        let error = python(Some(missing))
            .expect_err("no such program")
            .to_string();
        assert!(error.contains("no-such-folder/python"), "{error}");
    }
}
