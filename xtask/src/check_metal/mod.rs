//! Type-checks the Metal feature, on Linux too.
//!
//! candle's Metal feature compiles on Apple's platforms only. Two of the crates below it refuse
//! others for the linker's sake alone, so with three lines of them changed everything up to the
//! linker works: `check` and `clippy` read our code and candle's in full. The changed copies
//! ([`patch`]) are used in a mirror of the workspace ([`mirror`]): the real `Cargo.lock` is not
//! touched, even when the check is killed in the middle.

mod mirror;
mod patch;

use std::path::Path;

use clap::Args;

use crate::Outcome;
use crate::workspace::{cargo_with, root, run};

/// What is run where the user passes nothing through.
const DEFAULT: &[&str] = &["clippy", "--all-targets", "--", "-D", "warnings"];

/// Type-checks the Metal feature.
#[derive(Args, Debug)]
pub(crate) struct CheckMetal {
    /// A cargo command with its arguments, check or clippy off a Mac [default: clippy --all-targets
    /// -- -D warnings]
    #[arg(last = true)]
    cargo: Vec<String>,
}

impl CheckMetal {
    /// Makes the copies and runs cargo with them.
    ///
    /// # Errors
    /// When the copies cannot be made, or cargo fails.
    pub(crate) fn run(&self) -> Outcome {
        let user = match &self.cargo[..] {
            [] => DEFAULT.iter().copied().map(String::from).collect(),
            given => given.to_vec(),
        };
        let mut options = vec!["--features=metal".to_owned()];
        if cfg!(target_os = "macos") {
            options.push("--locked".to_owned());
            return run(&mut cargo_with(&user, &options)?);
        }
        let folder = root().join("target").join("metal");
        options.extend(patch::make(&folder.join("crates"))?);
        let target = root().join("target").join("cargo-metal");
        options.push(format!("--target-dir={}", target.display()));
        // As in the CUDA check: what only reads types need not optimize macros and build scripts.
        options.push("--config=profile.dev.package.\"*\".opt-level=0".to_owned());
        let mirror = folder.join("workspace");
        mirror::make(root(), &mirror)?;
        run(cargo_with(&user, &options)?.current_dir(&mirror))
    }
}

/// Removes a folder that may be absent.
fn remove(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
