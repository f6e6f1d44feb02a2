//! One face of a data set.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PixelText;
use crate::Result;
use crate::face::{self, Color, Face};

/// Where a face's pixels are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In an image file.
    File(PathBuf),
    /// In an image file that must lie below a data set's folder: hundreds of thousands of faces share
    /// the folder's path.
    Below {
        /// The folder.
        folder: Arc<Path>,
        /// The path from there on, with `/` between its parts; `None` if that is the face's name.
        file: Option<Box<str>>,
    },
    /// In memory.
    Pixels(Arc<Face>),
    /// Written out as numbers in a CSV.
    Text(PixelText),
}

/// One face of a data set.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name, unique in the data set: what lists of labeled faces hold.
    pub name: String,
    /// Its class; `None` if nobody knows.
    pub label: Option<u32>,
    /// The share of each class in what people said of it, if the data set knows more than its class;
    /// shares sum to 1.
    pub distribution: Option<Arc<[f32]>>,
    /// Its pixels.
    pub source: Source,
}

impl Entry {
    /// A face in a file.
    pub fn file(name: impl Into<String>, label: Option<u32>, path: impl Into<PathBuf>) -> Self {
        Self::new(name, label, Source::File(path.into()))
    }

    /// A face in memory.
    pub fn pixels(name: impl Into<String>, label: Option<u32>, face: Face) -> Self {
        Self::new(name, label, Source::Pixels(Arc::new(face)))
    }

    /// A face in a file below a data set's folder, named by its path from there on.
    pub(super) fn below(folder: &Arc<Path>, name: String, label: Option<u32>) -> Self {
        let (folder, file) = (folder.clone(), None);
        Self::new(name, label, Source::Below { folder, file })
    }

    /// A face of a name of its own in a file below a data set's folder.
    pub(super) fn named_below(
        folder: &Arc<Path>,
        name: impl Into<String>,
        label: Option<u32>,
        file: String,
    ) -> Self {
        let (folder, file) = (folder.clone(), Some(file.into()));
        Self::new(name, label, Source::Below { folder, file })
    }

    pub(super) fn new(name: impl Into<String>, label: Option<u32>, source: Source) -> Self {
        Self {
            name: name.into(),
            label,
            distribution: None,
            source,
        }
    }

    /// The image file, if the face is in one of its own.
    pub fn path(&self) -> Option<PathBuf> {
        match &self.source {
            Source::File(path) => Some(path.clone()),
            Source::Below { folder, file } => {
                Some(folder.join(file.as_deref().unwrap_or(&self.name)))
            }
            Source::Pixels(_) | Source::Text(_) => None,
        }
    }

    /// The face in gray, or in color if it has any.
    ///
    /// # Errors
    /// [`crate::Error::Image`] naming the file, and the line in a CSV, if it cannot be decoded.
    pub fn face(&self, color: Color) -> Result<Face> {
        match &self.source {
            Source::File(path) => face::decode_file(path, color),
            Source::Below { folder, file } => {
                let path = folder.join(file.as_deref().unwrap_or(&self.name));
                face::decode_file(&path, color)
            }
            Source::Pixels(pixels) => Ok(in_color(pixels, color)),
            Source::Text(text) => Ok(in_color(&text.face()?, color)),
        }
    }
}

fn in_color(face: &Face, color: Color) -> Face {
    match (color, face.channels()) {
        (Color::Gray, _) => face::to_gray(face),
        (Color::Rgb, 1) => three_channels(face),
        (Color::Rgb, _) => face.clone(),
    }
}

fn three_channels(gray: &Face) -> Face {
    Face::from_pixels(gray.height(), gray.width(), 3, |y, x| {
        THREE[usize::from(gray.pixel(y, x)[0])].as_slice()
    })
}

/// Each gray level as a color.
static THREE: [[u8; 3]; 256] = {
    let mut colors = [[0; 3]; 256];
    let mut level = 0;
    while level < 256 {
        colors[level] = [level as u8; 3];
        level += 1;
    }
    colors
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_in_memory_come_in_the_asked_color() {
        let gray = Entry::pixels("g", None, Face::new(vec![5, 9], 1, 2, 1).unwrap());
        assert_eq!(gray.face(Color::Rgb).unwrap().samples(), [5, 5, 5, 9, 9, 9]);
        let color = Entry::pixels("c", Some(1), Face::new(vec![255, 0, 0], 1, 1, 3).unwrap());
        assert_eq!(color.face(Color::Gray).unwrap().samples(), [76]);
        assert_eq!(color.face(Color::Rgb).unwrap().samples(), [255, 0, 0]);
    }

    /// Hundreds of thousands are in memory at once.
    #[test]
    fn an_entry_takes_little_memory() {
        let size = size_of::<Entry>();
        assert!(size <= 96, "{size} bytes");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Entry::file("f", None, "no/such/face.png")
            .face(Color::Gray)
            .unwrap_err();
        assert!(error.to_string().contains("no/such/face.png"), "{error}");
    }
}
