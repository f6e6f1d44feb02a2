//! What the readers of label files share: lines with their numbers, and errors that quote them.

use std::path::Path;

use crate::{Error, Result};

/// How much of a long line an error quotes, in characters.
const QUOTED: usize = 80;

/// The lines that are not blank, with their numbers from 1.
pub(crate) fn lines(file: &Path) -> Result<Vec<(usize, String)>> {
    let bytes = std::fs::read(file).map_err(|error| Error::io("read", file, error))?;
    // A byte that is no UTF-8 then stands in the text of the bad line.
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_start_matches('\u{feff}');
    let numbered = text
        .lines()
        .enumerate()
        .map(|(i, line)| (i + 1, line.trim().to_owned()));
    Ok(numbered.filter(|(_, line)| !line.is_empty()).collect())
}

/// An error unless the file or folder exists.
pub(super) fn require(path: &Path, exists: bool, expected: &'static str) -> Result<()> {
    if exists {
        return Ok(());
    }
    Err(Error::Missing {
        path: path.to_owned(),
        expected,
    })
}

/// The error for a bad line, or for a bad value in it.
pub(super) fn bad_line(file: &Path, line: usize, text: &str, expected: &'static str) -> Error {
    let mut quoted: String = text.chars().take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    Error::LabelLine {
        file: file.to_owned(),
        line,
        text: quoted,
        expected,
    }
}

/// Whether a name from a label file stays inside its folder; folders below it may be named.
pub(super) fn stays_inside(name: &str) -> bool {
    let plain = !name.contains(['\\', ':', '\u{fffd}']);
    let part = |part: &str| !matches!(part, "" | "." | "..");
    plain && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_seen() {
        for name in ["a.jpg", "12/a.jpg", "a..b.jpg"] {
            assert!(stays_inside(name), "{name}");
        }
        for name in [
            "",
            "/a.jpg",
            "../a.jpg",
            "a/../b.jpg",
            "a//b.jpg",
            "C:a.jpg",
            "a\\b.jpg",
        ] {
            assert!(!stays_inside(name), "{name}");
        }
    }

    #[test]
    fn long_lines_are_cut() {
        let text = bad_line(Path::new("f"), 3, &"é".repeat(99), "less").to_string();
        assert_eq!(
            text,
            format!("f, line 3: \"{}…\", expected less", "é".repeat(80))
        );
    }
}
