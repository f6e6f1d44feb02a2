//! CIFAR-10: small photographs of things, to see that what is made for faces is not only for them.

use std::path::Path;

use super::label_file::require;
use super::{DataSet, Entry};
use crate::face::Face;
use crate::{Error, Result};

/// CIFAR-10's classes in the order of its numbers, from 0.
pub const CIFAR10_CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// A class, then a plane of red, one of green and one of blue.
const RECORD: usize = 1 + 3 * PLANE;

const BINARY: &str = "a file of CIFAR-10's binary version";
const RECORDS: &str = "records of 3073 bytes, a class and 3 x 32 x 32 levels";

/// Reads CIFAR-10's binary version from its folder, or from the one that holds it as
/// `cifar-10-batches-bin/`: `data_batch_1.bin` to `data_batch_5.bin` are learned from, `test_batch.bin` is
/// measured on. All images are in memory then, 180 MB of them. The 43rd of the second file is called
/// `data_batch_2/00042`.
///
/// ```no_run
/// let data = leaf_data::cifar10("data/cifar10".as_ref())?;
/// assert_eq!(data.training().len(), 50_000);
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or file, [`Error::LabelFile`] for one that does not hold
/// whole records, and those of [`DataSet::new`].
pub fn cifar10(folder: &Path) -> Result<DataSet> {
    require(folder, folder.is_dir(), "the folder of CIFAR-10")?;
    let inside = folder.join("cifar-10-batches-bin");
    let folder = if inside.is_dir() { &inside } else { folder };
    let mut training = Vec::new();
    for number in 1..=5 {
        training.extend(batch(folder, &format!("data_batch_{number}"))?);
    }
    let test = batch(folder, "test_batch")?;
    DataSet::new("cifar10", CIFAR10_CLASSES, training, test)
}

fn batch(folder: &Path, name: &str) -> Result<Vec<Entry>> {
    let file = folder.join(format!("{name}.bin"));
    require(&file, file.is_file(), BINARY)?;
    let bytes = std::fs::read(&file).map_err(|error| Error::io("read", &file, error))?;
    let (records, rest) = bytes.as_chunks::<RECORD>();
    if records.is_empty() || !rest.is_empty() {
        return Err(Error::LabelFile {
            file,
            found: format!("{} bytes", bytes.len()),
            expected: RECORDS,
        });
    }
    let entry = |(place, record): (usize, &[u8; RECORD])| {
        let [class, planes @ ..] = record;
        let color = |pixel| [0, PLANE, 2 * PLANE].map(|plane| planes[plane + pixel]);
        let face = Face::new((0..PLANE).flat_map(color).collect(), SIDE, SIDE, 3)?;
        let name = format!("{name}/{place:05}");
        Ok(Entry::pixels(name, Some(u32::from(*class)), face))
    };
    records.iter().enumerate().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;
    use std::fs;

    /// An image whose levels count up from its class.
    fn record(class: u8) -> Vec<u8> {
        let levels = (0..3 * PLANE).map(|place| class.wrapping_add((place % 251) as u8));
        std::iter::once(class).chain(levels).collect()
    }

    /// Two classes a training file, and one image to measure on.
    fn files(folder: &Path) {
        for number in 1..=5_u8 {
            let bytes = [record(2 * number - 2), record(2 * number - 1)].concat();
            fs::write(folder.join(format!("data_batch_{number}.bin")), bytes).unwrap();
        }
        fs::write(folder.join("test_batch.bin"), record(7)).unwrap();
    }

    fn error(folder: &Path) -> String {
        cifar10(folder).unwrap_err().to_string()
    }

    #[test]
    fn planes_become_colors() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        let data = cifar10(folder.path()).unwrap();
        assert_eq!(data.class_counts(), [1; 10]);
        let entry = &data.training()[3];
        assert_eq!(
            (entry.name.as_str(), entry.label),
            ("data_batch_2/00001", Some(3))
        );
        let face = entry.face(Color::Rgb).unwrap();
        assert_eq!((face.height(), face.width()), (32, 32));
        // Row 1, column 2 is place 34 of each plane of 1024.
        let expected = [34, 1024 + 34, 2048 + 34].map(|place: usize| (3 + place % 251) as u8);
        assert_eq!(face.pixel(1, 2), expected);
        assert_eq!(
            (data.test().len(), data.classes()[7].as_str()),
            (1, "horse")
        );
    }

    #[test]
    fn its_folder_may_be_inside() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("cifar-10-batches-bin");
        fs::create_dir(&inner).unwrap();
        files(&inner);
        assert!(cifar10(outer.path()).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        files(folder.path());
        let file = folder.path().join("data_batch_4.bin");
        for length in [0, RECORD - 1] {
            fs::write(&file, &record(6)[..length]).unwrap();
            let expected = format!("data_batch_4.bin: {length} bytes, expected {RECORDS}");
            assert!(error(folder.path()).ends_with(&expected));
        }
        fs::write(&file, [record(6), record(10)].concat()).unwrap();
        assert_eq!(
            error(folder.path()),
            "face \"data_batch_4/00001\" has class 10, expected less than 10"
        );
        fs::remove_file(&file).unwrap();
        assert!(error(folder.path()).contains("data_batch_4.bin does not exist, expected a file"));
        assert!(error(Path::new("no/such")).contains("no/such does not exist"));
    }
}
