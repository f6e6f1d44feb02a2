//! AffectNet with a folder for each class.

use std::path::Path;
use std::sync::Arc;

use super::npy;
use super::{AFFECT_CLASSES, AffectClasses, Lists};
use crate::dataset::Entry;
use crate::dataset::class_folders::{entries, folders};
use crate::dataset::label_file::{require, stays_inside};
use crate::{Error, Result};

const ROWS: &str = "rows of an image's name and a number of 0 to 7";

/// The folder of training classes, if there is any.
pub(super) fn training(folder: &Path, classes: AffectClasses) -> Option<&'static str> {
    let known: &[&str] = match classes {
        AffectClasses::Seven => &["split_7", "split", "train"],
        AffectClasses::Eight => &["split", "train"],
    };
    known
        .iter()
        .find(|part| folder.join(part).is_dir())
        .copied()
}

pub(super) fn read(folder: &Path, training: &str, classes: AffectClasses) -> Result<Lists> {
    let root: Arc<Path> = folder.into();
    let test = ["val", "test"].into_iter();
    let test = match test.into_iter().find(|part| folder.join(part).is_dir()) {
        Some(part) => labeled(&root, part, classes)?,
        None => validation(&root, classes)?,
    };
    Ok((labeled(&root, training, classes)?, test))
}

fn labeled(root: &Arc<Path>, part: &str, classes: AffectClasses) -> Result<Vec<Entry>> {
    let folder = root.join(part);
    let mut all = Vec::new();
    for class in folders(&folder)? {
        let number = number(&class).ok_or_else(|| Error::UnknownClass {
            class: class.clone(),
            found: format!("a folder of {}", folder.display()),
            expected: AFFECT_CLASSES.map(str::to_owned).into(),
        })?;
        if let Some(label) = classes.label(number) {
            all.extend(entries(root, &format!("{part}/{class}"), Some(label))?);
        }
    }
    Ok(all)
}

/// A class's number, from its number or name.
fn number(class: &str) -> Option<u32> {
    let is = |(number, name): (usize, &&str)| {
        class == number.to_string() || name.eq_ignore_ascii_case(class)
    };
    let place = AFFECT_CLASSES.iter().enumerate().position(is)?;
    Some(place as u32)
}

/// The authors' list of test images.
fn validation(folder: &Arc<Path>, classes: AffectClasses) -> Result<Vec<Entry>> {
    let (file, images) = (folder.join("validation.npy"), folder.join("align"));
    let expected = "AffectNet's validation list (or the folder val/ or test/)";
    let array = npy::read(&file, expected)?;
    require(
        &images,
        images.is_dir(),
        "the folder of AffectNet's test images",
    )?;
    let bad = |found: String| Error::LabelFile {
        file: file.clone(),
        found,
        expected: ROWS,
    };
    if !matches!(array.shape[..], [_, 2]) {
        return Err(bad(format!("an array of shape {:?}", array.shape)));
    }
    let mut all = Vec::new();
    for (row, pair) in array.values.as_chunks::<2>().0.iter().enumerate() {
        let [name, value] = pair;
        let number = value.parse().ok().filter(|&number: &u32| number < 8);
        let number = number.filter(|_| stays_inside(name));
        let number = number.ok_or_else(|| bad(format!("row {row} of {name:?}, {value:?}")))?;
        if let Some(label) = classes.label(number) {
            all.push(Entry::below(folder, format!("align/{name}"), Some(label)));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::npy::tests::text_array;
    use super::*;
    use crate::test_files::png;
    use crate::{CheckLevel, affect_net};
    use std::fs;

    fn classes(folder: &Path, part: &str, names: &[String]) {
        for (i, name) in names.iter().enumerate() {
            png(&folder.join(part).join(name).join("a.png"), i as u8);
        }
    }

    fn numbers(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    fn error(folder: &Path) -> String {
        let data = affect_net(folder, AffectClasses::Eight);
        data.unwrap_err().to_string()
    }

    #[test]
    fn numbers_or_names() {
        let folder = tempfile::tempdir().unwrap();
        classes(folder.path(), "train", &numbers(8));
        classes(folder.path(), "val", &AFFECT_CLASSES.map(str::to_owned));
        let data = affect_net(folder.path(), AffectClasses::Eight).unwrap();
        assert_eq!(data.class_counts(), [1; 8]);
        // Names are in the alphabet's order, their labels are not.
        let test: Vec<_> = data.test().iter().filter_map(|entry| entry.label).collect();
        assert_eq!(test, [6, 7, 5, 4, 1, 0, 2, 3]);
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
        let data = affect_net(folder.path(), AffectClasses::Seven).unwrap();
        assert_eq!((data.class_counts(), data.test().len()), (vec![1; 7], 7));
    }

    fn authors(rows: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        classes(folder.path(), "split", &numbers(8));
        for name in ["x.png", "y.png"] {
            png(&folder.path().join("align").join(name), 3);
        }
        let file = text_array(&[rows.len() / 2, 2], rows);
        fs::write(folder.path().join("validation.npy"), file).unwrap();
        folder
    }

    #[test]
    fn the_authors_layout() {
        let folder = authors(&["x.png", "2", "y.png", "7"]);
        let data = affect_net(folder.path(), AffectClasses::Eight).unwrap();
        let test: Vec<_> = data
            .test()
            .iter()
            .map(|e| (e.name.as_str(), e.label))
            .collect();
        assert_eq!(test, [("align/x.png", Some(2)), ("align/y.png", Some(7))]);
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
        let data = affect_net(folder.path(), AffectClasses::Seven).unwrap();
        assert_eq!(
            (data.training()[0].name.as_str(), data.test().len()),
            ("split/0/a.png", 1)
        );
        classes(folder.path(), "split_7", &numbers(7));
        let data = affect_net(folder.path(), AffectClasses::Seven).unwrap();
        assert_eq!(data.training()[0].name, "split_7/0/a.png");
    }

    #[test]
    fn bad_rows_of_the_authors_list() {
        for (rows, found) in [
            (["x.png", "2", "y.png", "8"], "row 1 of \"y.png\", \"8\""),
            (["x.png", "-1", "y.png", "1"], "row 0 of \"x.png\", \"-1\""),
            (
                ["../x.png", "1", "y.png", "1"],
                "row 0 of \"../x.png\", \"1\"",
            ),
        ] {
            let text = error(authors(&rows).path());
            let expected = format!("validation.npy: {found}, expected {ROWS}");
            assert!(text.ends_with(&expected), "{text}");
        }
        let folder = authors(&[]);
        let file = text_array(&[3], &["x.png", "2", "3"]);
        fs::write(folder.path().join("validation.npy"), file).unwrap();
        let text = error(folder.path());
        assert!(
            text.contains("an array of shape [3], expected rows"),
            "{text}"
        );
    }

    #[test]
    fn folders_that_are_missing_or_of_no_class() {
        let folder = authors(&["x.png", "2"]);
        fs::remove_file(folder.path().join("validation.npy")).unwrap();
        assert!(error(folder.path()).contains("validation.npy does not exist"));
        classes(folder.path(), "test", &["8".to_owned()]);
        let text = error(folder.path());
        assert!(text.contains("class \"8\" is a folder of"), "{text}");
        fs::rename(folder.path().join("test/8"), folder.path().join("test/7")).unwrap();
        fs::remove_file(folder.path().join("split/4/a.png")).unwrap();
        assert!(error(folder.path()).contains("holds 0 images"));
        fs::remove_dir(folder.path().join("split/4")).unwrap();
        assert!(error(folder.path()).contains("class \"fear\" of data set \"affectnet8\" has 0"));
    }
}
