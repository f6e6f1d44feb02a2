//! Paths that exist on one machine only.

use super::at;

/// Folders below the root of a file system that differ from machine to machine.
const FOLDERS: &[&str] = &["Users", "home", "mnt", "root", "tmp", "work", "workspace"];

/// Complains about every line that holds an absolute path into one of the folders.
pub(super) fn complaints(text: &str) -> Vec<String> {
    let starts: Vec<String> = FOLDERS.iter().map(|name| format!("/{name}/")).collect();
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let start = starts.iter().find(|start| begins_path(line, start))?;
            Some(at(index, &format!("{start} is a path of one machine")))
        })
        .collect()
}

/// Whether `start` stands in the line and is not the middle of a longer path or address.
fn begins_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(position, _)| {
        let before = line[..position].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "_-.~/})>$*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found() {
        let text = format!("fine\nlet path = \"/{}/me/x\";\n", "home");
        assert_eq!(complaints(&text).len(), 1);
        assert!(complaints(&text)[0].starts_with(":2: "));
    }

    #[test]
    fn middles_of_paths_are_not() {
        for line in [
            "https://example.org/home/page",
            "target/tmp/x",
            "$DIR/work/x",
            "/usr/local/cuda",
        ] {
            assert!(complaints(line).is_empty(), "{line}");
        }
    }
}
