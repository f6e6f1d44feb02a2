//! A file that grows too long holds more than one idea.

/// The most lines that a Rust file may have, its unit tests included.
const MOST_LINES: usize = 400;

/// Complains about a file with too many lines.
pub(super) fn complaint(text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MOST_LINES).then(|| format!(": {lines} lines, expected at most {MOST_LINES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_itself_passes() {
        assert_eq!(complaint(&"x\n".repeat(MOST_LINES)), None);
        assert!(complaint(&"x\n".repeat(MOST_LINES + 1)).is_some());
    }
}
