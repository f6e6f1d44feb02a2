//! Which faces are labelled.

use std::path::Path;

use leaf::data::{Entry, drawn_faces, image_files};

/// The images at a path; with `truth` each has the class that its folder is named after.
pub(crate) fn at(path: &Path, classes: &[String], truth: bool) -> leaf::Result<Vec<Entry>> {
    let entry = |path: &Path| {
        let name = path.display().to_string();
        let label = match truth {
            true => Some(folder_class(path, &name, classes)?),
            false => None,
        };
        Ok(Entry::file(name, label, path))
    };
    image_files(path)?.iter().map(|path| entry(path)).collect()
}

fn folder_class(path: &Path, name: &str, classes: &[String]) -> leaf::Result<u32> {
    // A name without a folder is that of the folder where the program runs.
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = whole.parent().and_then(Path::file_name);
    let folder = folder.unwrap_or_default().to_string_lossy();
    place(&folder, &format!("the folder of {name}"), classes)
}

/// The drawn test faces, whose classes are known.
pub(crate) fn drawn(classes: &[String], truth: bool) -> leaf::Result<Vec<Entry>> {
    let data = drawn_faces()?;
    let known = |entry: &Entry| {
        let label = match entry.label.filter(|_| truth) {
            Some(label) => Some(place(
                &data.classes()[label as usize],
                "a drawn face's",
                classes,
            )?),
            None => None,
        };
        Ok(Entry {
            label,
            ..entry.clone()
        })
    };
    data.test().iter().map(known).collect()
}

/// A class's place in the order of the logits.
fn place(class: &str, found: &str, classes: &[String]) -> leaf::Result<u32> {
    let place = classes.iter().position(|known| known == class);
    let place = place.ok_or_else(|| leaf::data::Error::UnknownClass {
        class: class.to_owned(),
        found: found.to_owned(),
        expected: classes.to_vec(),
    })?;
    Ok(place as u32)
}
