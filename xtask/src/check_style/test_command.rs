//! The command that the README tells users to test with is the one that is run on every change.

use crate::workspace::root;

/// How the project is tested.
const TEST_COMMAND: &str = "cargo test --workspace";

/// Where it must stand, as a word of its own.
const PLACES: &[&str] = &["README.md", ".ci/run"];

/// Complains about a place without the command.
pub(super) fn complaints() -> Vec<String> {
    let complaint = |place: &&str| match std::fs::read_to_string(root().join(place)) {
        Ok(text) if holds_command(&text) => None,
        Ok(_) => Some(format!("{place}: no command `{TEST_COMMAND}`")),
        Err(error) => Some(format!("{place}: {error}")),
    };
    PLACES.iter().filter_map(complaint).collect()
}

/// Whether the command stands at the end of a line, or is followed by a comment.
fn holds_command(text: &str) -> bool {
    text.lines().any(|line| {
        let rest = line.split_once(TEST_COMMAND).map(|(_, rest)| rest.trim());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['#', '`']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_command_is_another_one() {
        assert!(holds_command(
            "Test:\n\n    cargo test --workspace  # all of it\n"
        ));
        assert!(holds_command("step test cargo test --workspace\n"));
        assert!(holds_command("Run `cargo test --workspace` first.\n"));
        assert!(!holds_command("cargo test --workspace --exclude leaf\n"));
        assert!(!holds_command("cargo test\n"));
    }
}
