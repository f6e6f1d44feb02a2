//! The files that results go to. They are checked before anything is measured, which takes long.

use std::path::Path;

use crate::Outcome;

/// Between these lines a page holds a command's results, and around them text that is kept.
fn marks(command: &str) -> [String; 2] {
    ["begin", "end"].map(|what| format!("<!-- cargo xtask peers {command}: {what} -->"))
}

/// That a file can be written there.
///
/// # Errors
/// When its folder does not exist, or it is a folder itself.
pub(crate) fn check(path: &Path) -> Outcome {
    // A bare name has the empty path as its folder.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
        let shown = path.display();
        return Err(format!("{shown}: expected a file in a folder that exists").into());
    }
    Ok(())
}

/// That results can be put into the page.
///
/// # Errors
/// Those of [`check`], and when there is a page already that does not say where.
pub(crate) fn check_page(path: &Path, command: &str) -> Outcome {
    check(path)?;
    filled(path, command, "").map(drop)
}

/// Writes a file.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Puts results between the marks of a page, or into a new page.
///
/// # Errors
/// Those of [`check_page`] and [`write()`].
pub(crate) fn write_page(path: &Path, command: &str, results: &str) -> Outcome {
    write(path, &filled(path, command, results)?)
}

fn filled(path: &Path, command: &str, results: &str) -> Outcome<String> {
    let [begin, end] = marks(command);
    let page = match path.exists() {
        true => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        false => format!("{begin}\n{end}\n"),
    };
    between(&page, [&begin, &end], results).ok_or_else(|| {
        let shown = path.display();
        format!("{shown}: expected the line {begin} and, further down, {end}").into()
    })
}

fn between(page: &str, [begin, end]: [&str; 2], results: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!(
        "{before}{begin}\n\n{}\n\n{end}{after}",
        results.trim()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_page_is_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let page = folder.path().join("page.md");
        let [begin, end] = marks("step");
        check_page(&page, "step")?;
        write_page(&page, "step", "old")?;
        let text = format!("# Title\n\n{}\nEnd.\n", std::fs::read_to_string(&page)?);
        write(&page, &text)?;
        write_page(&page, "step", "new\n")?;
        assert_eq!(
            std::fs::read_to_string(&page)?,
            format!("# Title\n\n{begin}\n\nnew\n\n{end}\n\nEnd.\n")
        );
        Ok(())
    }

    #[test]
    fn a_page_without_marks_is_refused_and_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let page = folder.path().join("page.md");
        let [begin, end] = marks("step");
        for text in ["# Mine\n".to_owned(), format!("{end}\n{begin}\n")] {
            write(&page, &text)?;
            for outcome in [
                check_page(&page, "step"),
                write_page(&page, "step", "results"),
            ] {
                let error = outcome.expect_err("no marks").to_string();
                assert!(
                    error.contains("page.md") && error.contains(&begin),
                    "{error}"
                );
            }
            assert_eq!(std::fs::read_to_string(&page)?, text);
        }
        Ok(())
    }

    #[test]
    fn a_missing_folder_is_named() -> Outcome {
        let folder = tempfile::tempdir()?;
        let error = check(&folder.path().join("none/x.json")).expect_err("no such folder");
        assert!(error.to_string().contains("none/x.json"), "{error}");
        assert!(check(folder.path()).is_err());
        check(Path::new("x.json"))
    }

    #[test]
    fn the_projects_pages_have_the_marks() -> Outcome {
        let docs = crate::workspace::root().join("docs");
        check_page(&docs.join("performance-modules.md"), "modules")?;
        check_page(&docs.join("performance-views.md"), "views")?;
        check_page(&docs.join("performance.md"), "step")
    }
}
