//! Pythons with the packages that a chore needs.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::workspace::{output, root, run};

/// A virtual environment under `target/`, made on its first use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Environment {
    /// The folder's name.
    pub(crate) folder: &'static str,
    /// What is installed, by the names that pip knows.
    pub(crate) packages: &'static [&'static str],
    /// A program that fails where something is missing.
    pub(crate) ready: &'static str,
    /// What the packages are, and how much there is of them.
    pub(crate) what: &'static str,
}

impl Environment {
    /// The given Python, or the environment's.
    ///
    /// # Errors
    /// When python3 or pip fails, or the given Python lacks a package.
    pub(crate) fn python(&self, given: Option<&Path>) -> Outcome<PathBuf> {
        if let Some(python) = given {
            self.check(python)?;
            return Ok(python.to_path_buf());
        }
        let folder = root().join("target").join(self.folder);
        let python = folder.join("bin/python");
        if self.check(&python).is_ok() {
            return Ok(python);
        }
        eprintln!("installing {} into target/{}", self.what, self.folder);
        let hinted = |error| {
            format!(
                "{error}; a Python 3.10 or newer with venv and pip is needed; --python takes one \
                 that has the packages"
            )
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder)).map_err(hinted)?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet"])
            .args(self.packages);
        run(&mut pip).map_err(hinted)?;
        self.check(&python)?;
        Ok(python)
    }

    fn check(&self, python: &Path) -> Outcome {
        output(Command::new(python).args(["-c", self.ready])).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_without_the_packages_is_named() {
        let environment = Environment {
            folder: "none",
            packages: &[],
            ready: "import sys",
            what: "nothing",
        };
        let missing = Path::new("no-such-folder/python");
        let error = environment.python(Some(missing));
        let error = error.expect_err("no such program").to_string();
        assert!(error.contains("no-such-folder/python"), "{error}");
    }
}
