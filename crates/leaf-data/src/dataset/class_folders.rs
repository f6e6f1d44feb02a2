//! A folder of images for each class.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DataSet, Entry};
use crate::{Error, Result};

/// The endings of image files that are read, in small or capital letters.
pub const ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "bmp", "webp"];

pub(super) const EXPECTED: &str = "jpg, jpeg, png, bmp or webp";

/// Reads `train/CLASS/*`, `test/CLASS/*` and, if it exists, `unlabeled/*`.
///
/// Images may lie in folders below these. Classes are `train`'s folders sorted by name, or `classes`
/// in the order given there; then they must be just the folders' names. A test class may be missing,
/// an empty folder may not. Hidden files and other endings are left out. A face's name is its path
/// from `folder` on, with `/` between the parts. Links to folders are refused, since they might lead
/// round in a circle; a link to a file must lead to one in `folder`, as [`DataSet::bad_files`] sees.
///
/// ```no_run
/// let data = leaf_data::class_folders("data/mine".as_ref(), None)?;
/// println!("{:?}", data.classes());
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] without `train` or `test`, [`Error::NoImages`] for an empty folder,
/// [`Error::UnknownClass`] if classes and folders differ, [`Error::LinkedFolder`],
/// [`Error::NotUnicode`] for a name that no list can hold, and those of [`DataSet::new`].
pub fn class_folders(folder: &Path, classes: Option<&[String]>) -> Result<DataSet> {
    let train = require(
        folder,
        "train",
        "a folder for each class of training images",
    )?;
    let test = require(folder, "test", "a folder for each class of test images")?;
    let found = folders(&train)?;
    let classes = match classes {
        Some(asked) => agree(asked, &found)?,
        None => found,
    };
    if let Some(class) = folders(&test)?
        .into_iter()
        .find(|class| !classes.contains(class))
    {
        let found = format!("a folder of {}", test.display());
        return Err(Error::UnknownClass {
            class,
            found,
            expected: classes,
        });
    }
    let root: Arc<Path> = folder.into();
    let mut training = labeled(&root, "train", &classes)?;
    if folder.join("unlabeled").is_dir() {
        training.extend(entries(&root, "unlabeled", None)?);
    }
    let name = folder
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let test = labeled(&root, "test", &classes)?;
    DataSet::new(name, classes, training, test)
}

fn require(folder: &Path, part: &str, expected: &'static str) -> Result<PathBuf> {
    let path = folder.join(part);
    if path.is_dir() {
        return Ok(path);
    }
    Err(Error::Missing { path, expected })
}

/// The classes as asked, if they are the folders in another order.
fn agree(asked: &[String], found: &[String]) -> Result<Vec<String>> {
    let unknown = |class: &String, found: String| Error::UnknownClass {
        class: class.clone(),
        found,
        expected: asked.to_vec(),
    };
    if let Some(class) = found.iter().find(|class| !asked.contains(class)) {
        return Err(unknown(class, "a folder of train".into()));
    }
    if let Some(class) = asked.iter().find(|class| !found.contains(class)) {
        return Err(unknown(class, "no folder of train".into()));
    }
    Ok(asked.to_vec())
}

fn labeled(root: &Arc<Path>, part: &str, classes: &[String]) -> Result<Vec<Entry>> {
    let mut all = Vec::new();
    for (label, class) in classes.iter().enumerate() {
        let folder = format!("{part}/{class}");
        if root.join(&folder).is_dir() {
            all.extend(entries(root, &folder, Some(label as u32))?);
        }
    }
    Ok(all)
}

/// The images below a folder, sorted; names are paths from the root on.
pub(super) fn entries(
    root: &Arc<Path>,
    folder: &str,
    label: Option<u32>,
) -> Result<impl Iterator<Item = Entry> + use<>> {
    let mut images = Vec::new();
    images_below(root, folder, &mut images)?;
    if images.is_empty() {
        return Err(Error::NoImages {
            path: root.join(folder),
            expected: EXPECTED,
        });
    }
    images.sort_unstable();
    let root = root.clone();
    let images = images.into_iter();
    Ok(images.map(move |name| Entry::below(&root, name, label)))
}

/// Adds the names from the root on of all images below one of its folders, which is empty for the root itself.
pub(super) fn images_below(root: &Path, folder: &str, images: &mut Vec<String>) -> Result<()> {
    let contents = list(&root.join(folder))?;
    let below = |name: &String| match folder {
        "" => name.clone(),
        _ => format!("{folder}/{name}"),
    };
    images.extend(contents.images.iter().map(below));
    for name in &contents.folders {
        images_below(root, &below(name), images)?;
    }
    Ok(())
}

/// The names of the folders in a folder, sorted.
pub(super) fn folders(folder: &Path) -> Result<Vec<String>> {
    let mut names = list(folder)?.folders;
    names.sort();
    Ok(names)
}

/// The names of what is in a folder, without hidden things and files that are no images.
#[derive(Default)]
struct Contents {
    folders: Vec<String>,
    images: Vec<String>,
}

fn list(folder: &Path) -> Result<Contents> {
    let fail = |error| Error::io("list", folder, error);
    let mut contents = Contents::default();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = match entry.file_name().into_string() {
            Ok(name) if name.starts_with('.') => continue,
            Ok(name) => name,
            Err(_) => return Err(Error::NotUnicode { path: entry.path() }),
        };
        // The folder itself knows what its entries are: no file is looked at but links.
        let kind = entry.file_type().map_err(fail)?;
        if kind.is_dir() {
            contents.folders.push(name);
        } else if kind.is_symlink() && entry.path().is_dir() {
            let path = entry.path();
            let target = path.canonicalize().map_err(fail)?;
            return Err(Error::LinkedFolder { path, target });
        } else if (kind.is_file() || kind.is_symlink()) && is_image(&name) {
            contents.images.push(name);
        }
    }
    Ok(contents)
}

fn is_image(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| {
        ENDINGS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(ending))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::png;
    use std::fs;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (i, file) in [
            "train/sad/b.png",
            "train/sad/a.PNG",
            "train/happy/deep/er/a.png",
            "test/happy/x.png",
            "test/sad/x.png",
            "unlabeled/u.png",
            "train/sad/.hidden.png",
        ]
        .iter()
        .enumerate()
        {
            png(&folder.path().join(file), i as u8);
        }
        fs::write(folder.path().join("train/sad/notes.txt"), "no image").unwrap();
        folder
    }

    fn error(folder: &Path, classes: Option<&[String]>) -> String {
        class_folders(folder, classes).unwrap_err().to_string()
    }

    #[test]
    fn classes_and_names_are_sorted() {
        let folder = folder();
        let data = class_folders(folder.path(), None).unwrap();
        assert_eq!(data.classes(), ["happy", "sad"]);
        let found: Vec<_> = data
            .training()
            .iter()
            .map(|e| (e.name.as_str(), e.label))
            .collect();
        let expected = [
            ("train/happy/deep/er/a.png", Some(0)),
            ("train/sad/a.PNG", Some(1)),
            ("train/sad/b.png", Some(1)),
            ("unlabeled/u.png", None),
        ];
        assert_eq!(found, expected);
        assert_eq!(data.test().len(), 2);
    }

    #[test]
    fn an_order_can_be_given() {
        let folder = folder();
        let order = ["sad".to_owned(), "happy".to_owned()];
        let data = class_folders(folder.path(), Some(&order)).unwrap();
        assert_eq!(data.classes(), order);
        assert_eq!(data.training()[0].label, Some(0));
        let text = error(folder.path(), Some(&["sad".to_owned(), "angry".to_owned()]));
        assert!(
            text.contains("class \"happy\" is a folder of train"),
            "{text}"
        );
        let three = ["sad", "happy", "angry"].map(str::to_owned);
        assert!(
            error(folder.path(), Some(&three)).contains("class \"angry\" is no folder of train")
        );
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        let folder = folder();
        fs::create_dir(folder.path().join("train/tired")).unwrap();
        let text = error(folder.path(), None);
        assert!(
            text.contains("tired holds 0 images, expected at least 1 of jpg"),
            "{text}"
        );
        fs::remove_dir(folder.path().join("train/tired")).unwrap();
        fs::create_dir(folder.path().join("test/tired")).unwrap();
        assert!(error(folder.path(), None).contains("class \"tired\" is a folder of"));
        fs::remove_dir_all(folder.path().join("test")).unwrap();
        assert!(error(folder.path(), None).contains("test does not exist"));
    }

    #[test]
    fn one_class_is_too_few() {
        let folder = tempfile::tempdir().unwrap();
        png(&folder.path().join("train/only/a.png"), 1);
        png(&folder.path().join("test/only/a.png"), 2);
        assert!(error(folder.path(), None).contains("has 1 classes, expected at least 2"));
    }
}
