//! AffectNet with a file of annotations for each image.

use std::path::Path;
use std::sync::Arc;

use super::{AffectClasses, Lists, npy};
use crate::dataset::Entry;
use crate::dataset::class_folders::entries;
use crate::dataset::label_file::require;
use crate::{Error, Result, threads};

const NUMBER: &str = "one number of 0 to 7";

pub(super) fn read(folder: &Path, classes: AffectClasses) -> Result<Lists> {
    let root: Arc<Path> = folder.into();
    Ok((
        list(&root, "train_set", classes)?,
        list(&root, "val_set", classes)?,
    ))
}

fn list(root: &Arc<Path>, part: &str, classes: AffectClasses) -> Result<Vec<Entry>> {
    let (images, annotations) = (
        format!("{part}/images"),
        root.join(part).join("annotations"),
    );
    let path = root.join(&images);
    require(&path, path.is_dir(), "the folder of AffectNet's images")?;
    let expected = "the folder of AffectNet's annotations";
    require(&annotations, annotations.is_dir(), expected)?;
    let mut entries: Vec<Entry> = entries(root, &images, None)?.collect();
    let number_of = |place: usize| {
        let stem = Path::new(&entries[place].name)
            .file_stem()
            .unwrap_or_default();
        number(&annotations.join(format!("{}_exp.npy", stem.to_string_lossy())))
    };
    // A small file for each face: what takes long is opening them.
    let mut numbers = vec![0; entries.len()];
    let mut first: Option<(usize, Error)> = None;
    threads::each(entries.len(), number_of, |place, number| match number {
        Ok(number) => numbers[place] = number,
        Err(error) if first.as_ref().is_none_or(|(earlier, _)| place < *earlier) => {
            first = Some((place, error));
        }
        Err(_) => {}
    });
    if let Some((_, error)) = first {
        return Err(error);
    }
    for (entry, number) in entries.iter_mut().zip(numbers) {
        entry.label = classes.label(number);
    }
    entries.retain(|entry| entry.label.is_some());
    Ok(entries)
}

/// The number in an image's file.
fn number(file: &Path) -> Result<u32> {
    let array = npy::read(file, "the annotation of an image")?;
    let number = match &array.values[..] {
        [value] => value.parse().ok().filter(|&number: &u32| number < 8),
        _ => None,
    };
    number.ok_or_else(|| Error::LabelFile {
        file: file.to_owned(),
        found: array.describe(),
        expected: NUMBER,
    })
}

#[cfg(test)]
mod tests {
    use super::super::npy::tests::{integer, text_array};
    use super::*;
    use crate::test_files::png;
    use crate::{CheckLevel, affect_net};
    use std::fs;

    /// A face of each class in both sets: text annotates the one, integers the other.
    fn sets() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..8_u8 {
            for part in ["train_set", "val_set"] {
                png(
                    &folder.path().join(format!("{part}/images/{number}.png")),
                    number,
                );
                fs::create_dir_all(folder.path().join(part).join("annotations")).unwrap();
            }
            let file = |part| {
                folder
                    .path()
                    .join(format!("{part}/annotations/{number}_exp.npy"))
            };
            fs::write(file("train_set"), text_array(&[], &[&number.to_string()])).unwrap();
            fs::write(file("val_set"), integer(i64::from(number))).unwrap();
        }
        folder
    }

    fn error(folder: &tempfile::TempDir) -> String {
        let data = affect_net(folder.path(), AffectClasses::Seven);
        data.unwrap_err().to_string()
    }

    #[test]
    fn text_and_integers() {
        let folder = sets();
        let data = affect_net(folder.path(), AffectClasses::Eight).unwrap();
        assert_eq!(data.class_counts(), [1; 8]);
        assert_eq!(data.test()[6].name, "val_set/images/6.png");
        assert_eq!(data.test()[6].label, Some(6));
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
        let data = affect_net(folder.path(), AffectClasses::Seven).unwrap();
        assert_eq!((data.class_counts(), data.test().len()), (vec![1; 7], 7));
    }

    #[test]
    fn bad_annotations_are_named() {
        let folder = sets();
        let file = folder.path().join("val_set/annotations/3_exp.npy");
        for (bytes, found) in [
            (integer(8), "\"8\""),
            (integer(-1), "\"-1\""),
            (text_array(&[], &["sad"]), "\"sad\""),
            (text_array(&[2], &["1", "1"]), "an array of shape [2]"),
        ] {
            fs::write(&file, bytes).unwrap();
            let text = error(&folder);
            let expected = format!("3_exp.npy: {found}, expected one number of 0 to 7");
            assert!(text.ends_with(&expected), "{text}");
        }
        fs::remove_file(&file).unwrap();
        assert!(error(&folder).contains("3_exp.npy does not exist"));
        fs::remove_dir_all(folder.path().join("val_set/annotations")).unwrap();
        assert!(error(&folder).contains("annotations does not exist"));
        fs::remove_dir_all(folder.path().join("val_set")).unwrap();
        assert!(error(&folder).contains("images does not exist"));
    }
}
