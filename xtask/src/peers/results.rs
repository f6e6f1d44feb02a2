//! The files that results go to. They are checked before anything is measured, which takes long.

use std::path::Path;

use crate::Outcome;

/// Between these lines a page holds results, and around them text that is kept.
const BEGIN: &str = "<!-- cargo xtask peers step: begin -->";
const END: &str = "<!-- cargo xtask peers step: end -->";

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
pub(crate) fn check_page(path: &Path) -> Outcome {
    check(path)?;
    filled(path, "").map(drop)
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
pub(crate) fn write_page(path: &Path, results: &str) -> Outcome {
    write(path, &filled(path, results)?)
}

fn filled(path: &Path, results: &str) -> Outcome<String> {
    let page = match path.exists() {
        true => {
            std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?
        }
        false => format!("{BEGIN}\n{END}\n"),
    };
    between(&page, results).ok_or_else(|| {
        let shown = path.display();
        format!("{shown}: expected the line {BEGIN} and, further down, {END}").into()
    })
}

fn between(page: &str, results: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!(
        "{before}{BEGIN}\n\n{}\n\n{END}{after}",
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
        check_page(&page)?;
        write_page(&page, "old")?;
        let text = format!("# Title\n\n{}\nEnd.\n", std::fs::read_to_string(&page)?);
        write(&page, &text)?;
        write_page(&page, "new\n")?;
        assert_eq!(
            std::fs::read_to_string(&page)?,
            format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nEnd.\n")
        );
        Ok(())
    }

    #[test]
    fn a_page_without_marks_is_refused_and_kept() -> Outcome {
        let folder = tempfile::tempdir()?;
        let page = folder.path().join("page.md");
        for text in ["# Mine\n".to_owned(), format!("{END}\n{BEGIN}\n")] {
            write(&page, &text)?;
            for outcome in [check_page(&page), write_page(&page, "results")] {
                let error = outcome.expect_err("no marks").to_string();
                assert!(
                    error.contains("page.md") && error.contains(BEGIN),
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
    fn the_projects_page_has_the_marks() -> Outcome {
        check_page(&crate::workspace::root().join("docs/performance.md"))
    }
}
