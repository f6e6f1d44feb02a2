//! Images of a file or a folder, without classes.

use std::path::{Path, PathBuf};

use super::class_folders::{EXPECTED, images_below};
use crate::{Error, Result};

/// The image at a path, or all images in a folder and the folders below it, sorted. A file is taken
/// whatever its ending; in folders hidden files and other endings are left out.
///
/// ```no_run
/// for path in leaf_data::image_files("holiday".as_ref())? {
///     println!("{}", path.display());
/// }
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] if there is nothing at the path, [`Error::NoImages`] for a folder without images,
/// [`Error::NotUnicode`] and [`Error::LinkedFolder`] for what a folder of images must not have.
pub fn image_files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.exists() {
        return Err(Error::Missing {
            path: path.to_owned(),
            expected: "an image or a folder of images",
        });
    }
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut images = Vec::new();
    images_below(path, "", &mut images)?;
    if images.is_empty() {
        return Err(Error::NoImages {
            path: path.to_owned(),
            expected: EXPECTED,
        });
    }
    images.sort_unstable();
    Ok(images.iter().map(|name| path.join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::png;

    #[test]
    fn folders_are_searched_and_files_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["b.png", "deep/er/a.PNG", "deep/.hidden.png"] {
            png(&path(name), 1);
        }
        std::fs::write(path("notes.txt"), "no image").unwrap();
        std::fs::create_dir(path("empty")).unwrap();
        let found = image_files(folder.path()).unwrap();
        assert_eq!(found, [path("b.png"), path("deep/er/a.PNG")]);
        assert_eq!(
            image_files(&path("notes.txt")).unwrap(),
            [path("notes.txt")]
        );
        for (name, wanted) in [("none.png", "none.png"), ("empty", "jpg, jpeg")] {
            let error = image_files(&path(name)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
