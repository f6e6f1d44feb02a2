//! `leaf-core` is what other people's crates depend on: what comes with it stays small.

use crate::Outcome;
use crate::workspace::{cargo, output};

/// What may come with `leaf-core`.
const ALLOWED: &[&str] = &[
    "candle-core",
    "candle-nn",
    "pulp",
    "rand",
    "serde",
    "thiserror",
];

/// Asks cargo what `leaf-core` depends on, with every feature that no device needs.
///
/// # Errors
/// When it depends on something that is not in [`ALLOWED`].
pub(crate) fn run() -> Outcome {
    let tree = output(cargo().args([
        "tree",
        "--package=leaf-core",
        "--edges=normal",
        "--depth=1",
        "--prefix=none",
        "--features=serde",
    ]))?;
    let unexpected = unexpected(&tree);
    if unexpected.is_empty() {
        println!("leaf-core depends on {} at most", ALLOWED.join(", "));
        return Ok(());
    }
    Err(format!(
        "leaf-core depends on {}, expected at most {}",
        unexpected.join(", "),
        ALLOWED.join(", ")
    )
    .into())
}

/// The dependencies (every line but the first, which is the crate itself) that are not allowed.
fn unexpected(tree: &str) -> Vec<&str> {
    let names = tree.lines().skip(1);
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !ALLOWED.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strangers_are_named() {
        let tree = "leaf-core v0.1.0 (folder)\ncandle-core v0.11.1\nimage v0.25.8\nrand v0.9.2\n";
        assert_eq!(unexpected(tree), ["image"]);
    }
}
