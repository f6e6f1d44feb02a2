//! Looking at every file before training, so that a bad one is never met in the middle.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{DataSet, Entry, Source};
use crate::face::{self, Color};
use crate::{Error, Result, threads};

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckLevel {
    /// Each file exists, is not empty, and its header says how large the image is; pixels that are
    /// written out in a CSV are read.
    #[default]
    Headers,
    /// Each image is decoded whole.
    Full,
    /// Not at all: a bad file is an error when it is first used.
    None,
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFile {
    /// The face's name in the data set.
    pub name: String,
    /// The file; for pixels in a CSV the reason says which line.
    pub path: PathBuf,
    /// Why not.
    pub reason: String,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

impl DataSet {
    /// The files that cannot be used, in the lists' order. `progress` is told how many files of how
    /// many are done.
    ///
    /// ```
    /// # #[cfg(feature = "drawn-faces")] {
    /// use leaf_data::{CheckLevel, drawn_faces};
    ///
    /// let data = drawn_faces()?;
    /// assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
    /// # }
    /// # Ok::<(), leaf_data::Error>(())
    /// ```
    pub fn bad_files(
        &self,
        level: CheckLevel,
        mut progress: impl FnMut(usize, usize),
    ) -> Vec<BadFile> {
        let files = self.files(level);
        let (mut done, mut bad) = (0, Vec::new());
        let roots = Roots::of(&files);
        let work = |place: usize| look(files[place], level, &roots);
        threads::each(files.len(), work, |place, found| {
            bad.extend(found.map(|file| (place, file)));
            done += 1;
            progress(done, files.len());
        });
        bad.sort_by_key(|(place, _)| *place);
        bad.into_iter().map(|(_, file)| file).collect()
    }

    /// The data set without its bad files, and these. Unless `skip_bad`, one bad file is an error.
    ///
    /// # Errors
    /// [`Error::BadFiles`] naming the files; [`Error::EmptyClass`] if a class loses all its faces.
    pub fn checked(
        self,
        level: CheckLevel,
        skip_bad: bool,
        progress: impl FnMut(usize, usize),
    ) -> Result<(Self, Vec<BadFile>)> {
        let bad = self.bad_files(level, progress);
        if bad.is_empty() {
            return Ok((self, bad));
        }
        if !skip_bad {
            let checked = self.files(level).len();
            return Err(Error::BadFiles { bad, checked });
        }
        let names: HashSet<&str> = bad.iter().map(|file| file.name.as_str()).collect();
        Ok((self.without(&names)?, bad))
    }

    /// What is to be looked at: all that is not in memory already.
    fn files(&self, level: CheckLevel) -> Vec<&Entry> {
        if level == CheckLevel::None {
            return Vec::new();
        }
        let all = self.training.iter().chain(&self.test);
        all.filter(|entry| !matches!(entry.source, Source::Pixels(_)))
            .collect()
    }
}

fn look(entry: &Entry, level: CheckLevel, roots: &Roots) -> Option<BadFile> {
    let (path, found) = match &entry.source {
        Source::Pixels(_) => return None,
        Source::Text(text) => (text.file().to_owned(), text.face().map(|_| ())),
        Source::File(_) | Source::Below { .. } => {
            let path = entry.path()?;
            let found = roots.hold(entry, &path).and_then(|()| match level {
                CheckLevel::None => Ok(()),
                CheckLevel::Headers => face::header(&path).map(|_| ()),
                CheckLevel::Full => face::decode_file(&path, Color::Rgb).map(|_| ()),
            });
            (path, found)
        }
    };
    let reason = match found.err()? {
        Error::Image { reason, .. } => reason,
        other => other.to_string(),
    };
    Some(BadFile {
        name: entry.name.clone(),
        path,
        reason,
    })
}

/// The data set's folders, and where they are without links.
struct Roots(Vec<(Arc<Path>, PathBuf)>);

impl Roots {
    fn of(entries: &[&Entry]) -> Self {
        let mut roots: Vec<(Arc<Path>, PathBuf)> = Vec::new();
        for entry in entries {
            if let Source::Below { folder, .. } = &entry.source
                && !roots.iter().any(|(known, _)| Arc::ptr_eq(known, folder))
            {
                // Of a folder that is gone each file is said to be missing.
                let real = folder
                    .canonicalize()
                    .unwrap_or_else(|_| folder.to_path_buf());
                roots.push((folder.clone(), real));
            }
        }
        Self(roots)
    }

    /// Whether a file is where it should be: no link may lead out of the data set's folder.
    fn hold(&self, entry: &Entry, path: &Path) -> Result<()> {
        let Source::Below { folder, .. } = &entry.source else {
            return Ok(());
        };
        let target = path
            .canonicalize()
            .map_err(|error| Error::image(&entry.name, error))?;
        let mut roots = self.0.iter();
        match roots.find(|(known, _)| Arc::ptr_eq(known, folder)) {
            Some((_, real)) if !target.starts_with(real) => {
                let (target, folder) = (target.display(), folder.display());
                let reason = format!("it links to {target}, expected a file in {folder}");
                Err(Error::image(&entry.name, reason))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::png;

    fn data(folder: &std::path::Path) -> DataSet {
        png(&folder.join("good.png"), 1);
        png(&folder.join("good2.png"), 2);
        png(&folder.join("cut.png"), 3);
        let whole = std::fs::read(folder.join("cut.png")).unwrap();
        std::fs::write(folder.join("cut.png"), &whole[..whole.len() - 25]).unwrap();
        std::fs::write(folder.join("empty.png"), "").unwrap();
        std::fs::write(folder.join("text.png"), "no image").unwrap();
        let names = [
            "good.png",
            "missing.png",
            "empty.png",
            "text.png",
            "cut.png",
            "good2.png",
        ];
        let entry = |(i, name): (usize, &&str)| {
            Entry::file(*name, Some(u32::from(i > 4)), folder.join(name))
        };
        let training = names.iter().enumerate().map(entry).collect();
        DataSet::new("d", ["x", "y"], training, vec![]).unwrap()
    }

    #[test]
    fn each_level_finds_what_it_looks_for() {
        let folder = tempfile::tempdir().unwrap();
        let data = data(folder.path());
        let names = |level| -> Vec<String> {
            data.bad_files(level, |_, _| ())
                .into_iter()
                .map(|file| file.name)
                .collect()
        };
        assert_eq!(
            names(CheckLevel::Headers),
            ["missing.png", "empty.png", "text.png"]
        );
        assert_eq!(
            names(CheckLevel::Full),
            ["missing.png", "empty.png", "text.png", "cut.png"]
        );
        assert!(names(CheckLevel::None).is_empty());
    }

    #[test]
    fn progress_reaches_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Vec::new();
        data(folder.path()).bad_files(CheckLevel::Headers, |done, all| seen.push((done, all)));
        assert_eq!(seen, (1..=6).map(|i| (i, 6)).collect::<Vec<_>>());
    }

    #[test]
    fn bad_files_are_an_error_or_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let error = data(folder.path())
            .checked(CheckLevel::Headers, false, |_, _| ())
            .unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("3 of 6 files cannot be used:"), "{text}");
        assert!(text.contains("empty.png: the file is empty"), "{text}");
        let (data, bad) = data(folder.path())
            .checked(CheckLevel::Full, true, |_, _| ())
            .unwrap();
        assert_eq!((data.training().len(), bad.len()), (2, 4));
    }

    #[test]
    fn a_class_must_keep_a_face() {
        let folder = tempfile::tempdir().unwrap();
        let data = data(folder.path());
        std::fs::remove_file(folder.path().join("good2.png")).unwrap();
        let error = data
            .checked(CheckLevel::Headers, true, |_, _| ())
            .unwrap_err();
        assert!(error.to_string().contains("class \"y\""), "{error}");
    }
}
