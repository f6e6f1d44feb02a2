//! Holds the one-way edges between the crates of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate of ours may import of ours.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    BTreeMap::from([
        ("leaf-core", vec![]),
        ("leaf-testkit", vec![]),
        ("leaf-ssl", vec!["leaf-core"]),
        ("leaf-trial", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-fixmatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-pseudo-label", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-mean-teacher", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-uda", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-flexmatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-freematch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-softmatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-adamatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-dash", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-mixmatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-comatch", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-ada-cm", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-debias", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-vision", vec!["leaf-core"]),
        ("leaf-data", vec!["leaf-core", "leaf-ssl"]),
        ("leaf-train", vec!["leaf-core", "leaf-ssl"]),
        (
            "leaf",
            vec![
                "leaf-core",
                "leaf-data",
                "leaf-fixmatch",
                "leaf-pseudo-label",
                "leaf-mean-teacher",
                "leaf-uda",
                "leaf-flexmatch",
                "leaf-freematch",
                "leaf-softmatch",
                "leaf-adamatch",
                "leaf-dash",
                "leaf-mixmatch",
                "leaf-comatch",
                "leaf-ada-cm",
                "leaf-debias",
                "leaf-ssl",
                "leaf-train",
                "leaf-vision",
            ],
        ),
    ])
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    assert!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Dependencies that reach a user of the crate, by name (development dependencies left out).
fn dependencies(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().expect("a list");
    all.iter()
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn crates_import_inwards_only() {
    let allowed = allowed();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let mut seen = BTreeSet::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        if name == "leaf-workspace" || name == "xtask" {
            continue;
        }
        let allowed = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table of this test"));
        for dependency in dependencies(package) {
            if dependency == "leaf" || dependency.starts_with("leaf-") {
                assert!(
                    allowed.contains(&dependency.as_str()),
                    "{name} must not import {dependency}"
                );
            }
        }
        seen.insert(name.to_owned());
    }
    for name in allowed.keys() {
        assert!(seen.contains(*name), "{name} is missing from the workspace");
    }
}

#[test]
fn the_core_depends_on_little() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let core = packages
        .iter()
        .find(|package| package["name"] == "leaf-core")
        .expect("leaf-core is a member");
    let allowed = [
        "candle-core",
        "candle-nn",
        "pulp",
        "rand",
        "serde",
        "thiserror",
    ];
    for dependency in dependencies(core) {
        assert!(
            allowed.contains(&dependency.as_str()),
            "leaf-core must not depend on {dependency}"
        );
    }
}

/// The features that candle builds for a device or a library with.
const DEVICE_FEATURES: &[&str] = &["accelerate", "cuda", "cudnn", "metal", "mkl", "nccl"];

/// A feature that a crate does not forward compiles, and then runs on the CPU in silence.
#[test]
fn device_features_are_forwarded_everywhere() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let ours = |name: &str| name == "leaf" || name.starts_with("leaf-");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        if ["xtask", "leaf-testkit", "leaf-trial"].contains(&name) {
            continue;
        }
        for feature in DEVICE_FEATURES {
            let forwarded = package["features"][feature].as_array();
            let forwarded = forwarded.unwrap_or_else(|| panic!("{name} has no feature {feature}"));
            for dependency in dependencies(package) {
                // Of candle's two crates only candle-core knows nccl.
                let candle = dependency == "candle-core"
                    || (dependency == "candle-nn" && *feature != "nccl");
                if candle || ours(&dependency) {
                    let expected = format!("{dependency}/{feature}");
                    assert!(
                        forwarded.iter().any(|entry| *entry == expected.as_str()),
                        "{name}'s feature {feature} does not forward {expected}"
                    );
                }
            }
        }
    }
}
