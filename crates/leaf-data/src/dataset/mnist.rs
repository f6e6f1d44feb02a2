//! MNIST and Fashion-MNIST: small gray images of digits and of clothes, in files of the same format.
//!
//! A file is a number that says bytes and how many sides, each side as 4 bytes, big endian, and the bytes.

use std::path::Path;

use super::label_file::require;
use super::{DataSet, Entry};
use crate::face::Face;
use crate::{Error, Result};

/// MNIST's classes.
pub const MNIST_CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// Fashion-MNIST's classes in the order of its numbers, from 0.
pub const FASHION_MNIST_CLASSES: [&str; 10] = [
    "t-shirt or top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

const IMAGES: &str = "images: 00000803 in hexadecimal digits, three sides, as many bytes";
const LABELS: &str = "classes: 00000801 in hexadecimal digits, one side, as many bytes";
const OTHER: &str = "a file of another format, or one that is cut";
const AS_MANY: &str = "as many classes as images";

/// Reads MNIST from its folder: `train-images-idx3-ubyte` and `train-labels-idx1-ubyte` are learned from,
/// the same of `t10k` are measured on. All images are in memory then. The first is called `train/00000`.
///
/// ```no_run
/// let data = leaf_data::mnist("data/mnist".as_ref())?;
/// assert_eq!(data.training().len(), 60_000);
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or file (they must be unpacked), [`Error::LabelFile`] for a
/// file of another format, and those of [`DataSet::new`].
pub fn mnist(folder: &Path) -> Result<DataSet> {
    read("mnist", MNIST_CLASSES, folder)
}

/// Reads Fashion-MNIST from its folder, which holds the same files as that of [`mnist`].
///
/// # Errors
/// Those of [`mnist`].
pub fn fashion_mnist(folder: &Path) -> Result<DataSet> {
    read("fashion-mnist", FASHION_MNIST_CLASSES, folder)
}

fn read(name: &str, classes: [&str; 10], folder: &Path) -> Result<DataSet> {
    require(folder, folder.is_dir(), "the folder of MNIST's files")?;
    let (training, test) = (list(folder, "train")?, list(folder, "t10k")?);
    DataSet::new(name, classes, training, test)
}

fn list(folder: &Path, part: &str) -> Result<Vec<Entry>> {
    let images = folder.join(format!("{part}-images-idx3-ubyte"));
    let labels = folder.join(format!("{part}-labels-idx1-ubyte"));
    let ([count, height, width], levels) = bytes::<3>(&images, IMAGES)?;
    let ([found], labels_of) = bytes::<1>(&labels, LABELS)?;
    if found != count {
        return Err(Error::LabelFile {
            file: labels,
            found: format!("{found} classes of {count} images"),
            expected: AS_MANY,
        });
    }
    let entry = |(place, label): (usize, u8)| {
        let image = &levels[place * height * width..][..height * width];
        let face = Face::new(image.to_vec(), height, width, 1)?;
        let name = format!("{part}/{place:05}");
        Ok(Entry::pixels(name, Some(u32::from(label)), face))
    };
    labels_of.into_iter().enumerate().map(entry).collect()
}

/// A file's sides and bytes.
fn bytes<const SIDES: usize>(
    file: &Path,
    expected: &'static str,
) -> Result<([usize; SIDES], Vec<u8>)> {
    require(file, file.is_file(), "a file of MNIST's, unpacked")?;
    let all = std::fs::read(file).map_err(|error| Error::io("read", file, error))?;
    let fail = |found| Error::LabelFile {
        file: file.to_owned(),
        found,
        expected,
    };
    let Some((head, data)) = all.split_at_checked(4 * (1 + SIDES)) else {
        return Err(fail(OTHER.into()));
    };
    // 8 says bytes.
    let Some((&[0, 0, 8, sides], rest)) = head.as_chunks::<4>().0.split_first() else {
        return Err(fail(OTHER.into()));
    };
    let mut found = [0; SIDES];
    for (side, bytes) in found.iter_mut().zip(rest) {
        *side = u32::from_be_bytes(*bytes) as usize;
    }
    let product = |count: usize, side: &usize| count.checked_mul(*side);
    let count = found.iter().try_fold(1, product);
    if usize::from(sides) != SIDES || count != Some(data.len()) {
        let length = data.len();
        return Err(fail(format!("{sides} sides, {found:?}, of {length} bytes")));
    }
    Ok((found, data.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;
    use std::fs;

    fn file(sides: &[u32], data: &[u8]) -> Vec<u8> {
        let sides_bytes = sides.iter().flat_map(|side| side.to_be_bytes());
        let magic = [0, 0, 8, sides.len() as u8];
        magic
            .into_iter()
            .chain(sides_bytes)
            .chain(data.iter().copied())
            .collect()
    }

    /// An image of 4 x 3 levels of each class to learn from, one to measure on.
    fn files() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (part, count) in [("train", 10_u8), ("t10k", 1)] {
            let images: Vec<u8> = (0..count * 12).collect();
            let labels: Vec<u8> = (0..count).rev().collect();
            let write = |name: &str, bytes| fs::write(folder.path().join(name), bytes).unwrap();
            let sides = [u32::from(count), 4, 3];
            write(&format!("{part}-images-idx3-ubyte"), file(&sides, &images));
            write(
                &format!("{part}-labels-idx1-ubyte"),
                file(&sides[..1], &labels),
            );
        }
        folder
    }

    #[test]
    fn images_with_their_classes() {
        let folder = files();
        let data = mnist(folder.path()).unwrap();
        assert_eq!((data.class_counts(), data.test().len()), (vec![1; 10], 1));
        let entry = &data.training()[2];
        assert_eq!((entry.name.as_str(), entry.label), ("train/00002", Some(7)));
        let face = entry.face(Color::Gray).unwrap();
        assert_eq!((face.height(), face.width()), (4, 3));
        assert_eq!(face.samples(), (24..36).collect::<Vec<u8>>());
        let clothes = fashion_mnist(folder.path()).unwrap();
        assert_eq!(
            (clothes.name(), clothes.classes()[9].as_str()),
            ("fashion-mnist", "ankle boot")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = files();
        let images = folder.path().join("train-images-idx3-ubyte");
        let labels = folder.path().join("train-labels-idx1-ubyte");
        let error = || mnist(folder.path()).unwrap_err().to_string();
        let whole = fs::read(&images).unwrap();
        for (bytes, found) in [
            (&b""[..], OTHER),
            (&[0x1f, 0x8b, 8, 8, 0, 0], OTHER),
            (&[&[0x1f][..], &whole[1..]].concat(), OTHER),
            (&whole[..100], "3 sides, [10, 4, 3], of 84 bytes"),
            (
                &file(&[u32::MAX; 3], &[0; 5]),
                "3 sides, [4294967295, 4294967295, 4294967295], of 5 bytes",
            ),
            (
                &file(&[2, 2, 2, 2], &[0; 16]),
                "4 sides, [2, 2, 2], of 20 bytes",
            ),
        ] {
            fs::write(&images, bytes).unwrap();
            let text = error();
            let expected = format!("train-images-idx3-ubyte: {found}, expected {IMAGES}");
            assert!(text.ends_with(&expected), "{text}");
        }
        fs::write(&images, &whole).unwrap();
        fs::write(&labels, file(&[9], &[0; 9])).unwrap();
        let text = error();
        assert!(
            text.ends_with("9 classes of 10 images, expected as many classes as images"),
            "{text}"
        );
        fs::write(&labels, file(&[10], &[10; 10])).unwrap();
        assert!(error().contains("face \"train/00000\" has class 10, expected less than 10"));
        fs::remove_file(&labels).unwrap();
        let text = error();
        assert!(
            text.ends_with(
                "train-labels-idx1-ubyte does not exist, expected a file of MNIST's, unpacked"
            ),
            "{text}"
        );
    }
}
