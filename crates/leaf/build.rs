//! Versions that a run's report names.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().ok();
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version.as_deref().map_or("unknown", str::trim);
    println!("cargo::rustc-env=LEAF_RUSTC_VERSION={version}");
    let candle = lock_file().and_then(|path| {
        println!("cargo::rerun-if-changed={}", path.display());
        version_in(&std::fs::read_to_string(path).ok()?, "candle-core")
    });
    let candle = candle.unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=LEAF_CANDLE_VERSION={candle}");
}

/// The lock file of the workspace, where this package is built in one.
fn lock_file() -> Option<PathBuf> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR")?;
    let mut files = Path::new(&folder)
        .ancestors()
        .map(|folder| folder.join("Cargo.lock"));
    files.find(|path| path.is_file())
}

/// The version of a package in a lock file.
fn version_in(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}
