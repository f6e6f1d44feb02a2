//! Crates outside the workspace that use nothing but the public API: they compile and run.

use std::path::Path;
use std::process::Command;

/// Builds and runs a crate of `tests/outside`, with what the workspace has built already.
fn run(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = root.join("tests/outside").join(name).join("Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(&manifest)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .output()
        .expect("cargo runs");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{name}: {message}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_trainer_of_ones_own_trains() {
    let printed = run("own-trainer");
    for name in ["surer half", "self-agreement"] {
        assert!(printed.contains(&format!("{name}: accuracy")), "{printed}");
    }
}

#[test]
fn it_takes_less_than_80_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("tests/outside/own-trainer/src/main.rs");
    let text = std::fs::read_to_string(file).expect("the crate's file");
    assert!(text.lines().count() < 80);
}
