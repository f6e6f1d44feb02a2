//! Places that were left for later, or whose warnings were silenced.

use super::{at, has_word};

/// Macros that no finished code calls. (Their names stand here without the mark that makes them
/// calls, so that this file does not complain about itself.)
const MACROS: &[&str] = &["dbg", "todo", "unimplemented"];

/// Attributes that switch a test or a warning off, without their opening bracket.
const ATTRIBUTES: &[&str] = &["ignore", "allow(dead_code", "allow(unused"];

/// Complains about every line that calls one of the macros or carries one of the attributes.
pub(super) fn complaints(text: &str) -> Vec<String> {
    let calls = MACROS.iter().map(|name| format!("{name}!"));
    let attributes = ["#[", "#![", "#[cfg_attr(test, "]
        .iter()
        .flat_map(|open| ATTRIBUTES.iter().map(move |name| format!("{open}{name}")));
    let forbidden: Vec<String> = calls.chain(attributes).collect();
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(index, line)| {
            let found = forbidden.iter().filter(|word| has_word(line, word));
            found.map(move |word| at(index, &format!("{word} is not for finished code")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_named_with_its_line() {
        let text = format!("fn f() {{\n    {}!()\n}}\n#[{}]\n", "todo", "ignore");
        let found = complaints(&text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with(":2: "), "{found:?}");
        assert!(found[1].starts_with(":4: "), "{found:?}");
    }

    #[test]
    fn finished_code_passes() {
        assert!(complaints("#[derive(Debug)]\nstruct Todo;\nlet ignored = [1];\n").is_empty());
    }
}
