//! What the compiler and its lints do not see.

mod length;
mod machine_path;
mod test_command;
mod unfinished;

use std::path::Path;

use crate::Outcome;
use crate::workspace::{files, root};

/// Reads every text file of the checkout and lists what breaks a rule.
///
/// # Errors
/// When a rule is broken, or a file cannot be read.
pub(crate) fn run() -> Outcome {
    let mut broken = test_command::complaints();
    for path in files()? {
        let bytes = std::fs::read(root().join(&path))
            .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        // Golden numbers and images are not text.
        if let Ok(text) = std::str::from_utf8(&bytes) {
            broken.extend(complaints(&path, text));
        }
    }
    for complaint in &broken {
        eprintln!("{complaint}");
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(format!("{count} places break a rule of style").into()),
    }
}

fn complaints(path: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if path.extension().is_some_and(|ending| ending == "rs") {
        found.extend(length::complaint(text));
        found.extend(unfinished::complaints(text));
    }
    found.extend(machine_path::complaints(text));
    let file = path.display();
    found.iter().map(|what| format!("{file}{what}")).collect()
}

/// A complaint about one line, to be put behind the file's name.
fn at(line_index: usize, what: &str) -> String {
    format!(":{}: {what}", line_index + 1)
}

/// Where `word` stands in `line` and does not go on a longer name to its left.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole_to_the_left() {
        assert!(has_word("  stop!()", "stop!"));
        assert!(has_word("unstop!() + stop!()", "stop!"));
        assert!(!has_word("unstop!()", "stop!"));
        assert!(!has_word("non_stop!()", "stop!"));
    }

    #[test]
    fn rules_for_rust_leave_other_files_alone() {
        let long = "\n".repeat(1000);
        assert!(complaints(Path::new("a.md"), &long).is_empty());
        let found = complaints(Path::new("a.rs"), &long);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("a.rs: 1000 lines"), "{found:?}");
    }
}
