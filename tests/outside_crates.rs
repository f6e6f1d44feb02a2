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
fn the_core_alone_serves_a_model_of_ones_own() {
    let printed = run("leaf-alone");
    let accuracies = printed.lines().find_map(|line| {
        let (before, after) = line.strip_prefix("accuracy ")?.split_once(" -> ")?;
        Some((before.parse::<f32>().ok()?, after.parse::<f32>().ok()?))
    });
    let (before, after) = accuracies.unwrap_or_else(|| panic!("no accuracies: {printed}"));
    assert!(after > 0.8 && after > before + 0.3, "{printed}");
    assert!(printed.contains("same logits: true"), "{printed}");
}

#[test]
fn a_trainer_takes_less_than_80_lines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = root.join("tests/outside/own-trainer/src/main.rs");
    let text = std::fs::read_to_string(file).expect("the crate's file");
    assert!(text.lines().count() < 80);
}
