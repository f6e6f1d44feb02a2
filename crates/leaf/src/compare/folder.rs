//! Where the lines of a comparison are kept.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use leaf_train::{differences, write_atomically};
use serde_json::Value;

use super::shared::{with_shared, without_shared};
use super::{Line, PlannedRun};
use crate::{Error, Result};

const LINES: &str = "runs.jsonl";
const SETTINGS: &str = "settings.json";
const WORK: &str = "work";

/// A comparison's folder: `settings.json`, from the first finished run on, and a line a finished run in `runs.jsonl`,
/// whose recipe holds only what is not in the settings.
/// One process at a time may have it open. A process that is killed loses the runs in progress and nothing else: what it had written of a
/// line is cut off when the folder is opened again.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    settings: Value,
    file: File,
    lines: Vec<Line>,
    torn: usize,
}

impl Folder {
    /// Opens the folder, and makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] if it was made with other settings, naming each; [`Error::FolderInUse`] if
    /// another process has it open; [`Error::Line`] if a line makes no sense; [`Error::File`] if something cannot
    /// be read or written.
    pub fn open(path: &Path, settings: &Value) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let lines = path.join(LINES);
        let failed = failed(&lines);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = options.open(&lines).map_err(&failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::FolderInUse {
                    folder: path.display().to_string(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        check_settings(path, settings)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(&failed)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n');
        let whole = whole.map_or(0, |end| end + 1);
        let torn = bytes.len() - whole;
        if torn > 0 {
            file.set_len(whole as u64).map_err(&failed)?;
            file.seek(SeekFrom::End(0)).map_err(&failed)?;
        }
        let lines = read(&lines, &bytes[..whole], settings)?;
        let mut folder = Self {
            path: path.to_owned(),
            settings: settings.clone(),
            file,
            lines: Vec::new(),
            torn,
        };
        for line in lines {
            folder.check_pair(&line)?;
            folder.lines.push(line);
        }
        folder.clear_work()?;
        Ok(folder)
    }

    /// The finished runs, in the order in which they ended.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// How many bytes of a line that was not written whole were cut off.
    pub fn torn(&self) -> usize {
        self.torn
    }

    /// Whether this very configuration has been run.
    pub fn has(&self, run: &PlannedRun) -> bool {
        self.lines.iter().any(|line| line.recipe == run.recipe)
    }

    /// A folder for the files of a run in progress; [`Folder::clear_work`] removes all of them.
    pub fn work(&self, name: &str) -> PathBuf {
        self.path.join(WORK).join(name)
    }

    /// Removes the files of runs in progress.
    ///
    /// # Errors
    /// [`Error::File`] if they cannot be removed.
    pub fn clear_work(&self) -> Result<()> {
        let work = self.path.join(WORK);
        match work.exists() {
            true => std::fs::remove_dir_all(&work).map_err(failed(&work)),
            false => Ok(()),
        }
    }

    /// Keeps a finished run: its line is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Unpaired`] if it does not share what runs of its seed and budget must, and [`Error::File`] if
    /// it cannot be written.
    pub fn push(&mut self, line: Line) -> Result<()> {
        self.check_pair(&line)?;
        self.write_settings()?;
        let path = self.path.join(LINES);
        let mut value = serde_json::to_value(&line).map_err(|error| failed(&path)(error.into()))?;
        without_shared(&mut value["recipe"], &self.settings);
        let text = format!("{value}\n");
        let written = self.file.write_all(text.as_bytes());
        let written = written.and_then(|()| self.file.sync_data());
        written.map_err(failed(&path))?;
        self.lines.push(line);
        Ok(())
    }

    /// Writes a file beside the lines; one of that name is replaced in one step.
    ///
    /// # Errors
    /// When it cannot be written, naming the file.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        write_atomically(&path, text.as_bytes())?;
        Ok(path)
    }

    fn write_settings(&self) -> Result<()> {
        match self.path.join(SETTINGS).exists() {
            true => Ok(()),
            false => {
                let text = format!("{:#}\n", self.settings);
                self.write(SETTINGS, &text).map(|_| ())
            }
        }
    }

    fn check_pair(&self, line: &Line) -> Result<()> {
        let partners = self
            .lines
            .iter()
            .filter(|other| other.pair() == line.pair());
        for other in partners {
            if let Some(what) = other.pairing.difference(&line.pairing) {
                let name = |line: &Line| format!("{} {}", line.algorithm, line.name());
                return Err(Error::Unpaired {
                    what,
                    one: name(other),
                    other: name(line),
                    labels_per_class: line.figures.labels_per_class,
                    seed: line.figures.seed,
                });
            }
        }
        Ok(())
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.display().to_string();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}

/// A folder in which nothing was finished yet takes all settings.
fn check_settings(folder: &Path, settings: &Value) -> Result<()> {
    let path = folder.join(SETTINGS);
    if !path.exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(failed(&path))?;
    let found = serde_json::from_str(&text).map_err(|error| failed(&path)(error.into()))?;
    match differences(settings, &found) {
        none if none.is_empty() => Ok(()),
        differences => Err(Error::OtherSettings {
            folder: folder.display().to_string(),
            differences,
        }),
    }
}

fn read(path: &Path, bytes: &[u8], settings: &Value) -> Result<Vec<Line>> {
    let lines = bytes.split(|&byte| byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            let line = serde_json::from_slice(line).and_then(|mut line: Value| {
                if let Some(recipe) = line.get_mut("recipe") {
                    with_shared(recipe, settings);
                }
                serde_json::from_value(line)
            });
            line.map_err(|error| Error::Line {
                path: path.display().to_string(),
                line: at + 1,
                what: error.to_string(),
            })
        })
        .collect()
}

impl Folder {
    /// The finished runs of a folder, whatever its settings are; nothing is changed there.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, and [`Error::Line`] if a line makes no sense.
    pub fn read(path: &Path) -> Result<(Value, Vec<Line>)> {
        let of = |name: &str| {
            let path = path.join(name);
            std::fs::read(&path).map_err(failed(&path))
        };
        let settings = serde_json::from_slice(&of(SETTINGS)?)
            .map_err(|error| failed(&path.join(SETTINGS))(error.into()))?;
        let lines = read(&path.join(LINES), &of(LINES)?, &settings)?;
        Ok((settings, lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::fake::{line, plan};

    #[test]
    fn finished_runs_are_there_when_it_is_opened_again() -> Result<()> {
        let place = tempfile::tempdir().expect("a folder");
        let plan = plan();
        let settings = plan.settings()?;
        let (runs, _) = plan.runs();
        let mut folder = Folder::open(place.path(), &settings)?;
        assert!(matches!(
            Folder::open(place.path(), &settings),
            Err(Error::FolderInUse { .. })
        ));
        for run in &runs[..2] {
            folder.push(line(run, 0.5))?;
        }
        std::fs::create_dir_all(folder.work("0")).expect("a folder");
        drop(folder);
        let mut folder = Folder::open(place.path(), &settings)?;
        assert_eq!(folder.lines(), [line(&runs[0], 0.5), line(&runs[1], 0.5)]);
        assert!(folder.has(&runs[1]) && !folder.has(&runs[2]));
        assert!(!folder.work("0").exists());
        folder.push(line(&runs[2], 0.25))?;
        drop(folder);
        assert_eq!(Folder::open(place.path(), &settings)?.lines().len(), 3);
        let text = std::fs::read_to_string(place.path().join(LINES)).expect("lines");
        assert!(
            !text.contains("learning_rate"),
            "what all lines share is in the settings"
        );
        let (found, lines) = Folder::read(place.path())?;
        assert_eq!((found, lines.len()), (settings, 3));
        assert_eq!(lines[2], line(&runs[2], 0.25));
        Ok(())
    }

    #[test]
    fn a_torn_line_is_cut_off_wherever_it_ends() -> Result<()> {
        let plan = plan();
        let (settings, (runs, _)) = (plan.settings()?, plan.runs());
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join(LINES);
        let mut folder = Folder::open(place.path(), &settings)?;
        folder.push(line(&runs[0], 0.5))?;
        let first = std::fs::read(&path).expect("lines").len();
        folder.push(line(&runs[1], 0.5))?;
        drop(folder);
        let whole = std::fs::read(&path).expect("lines");
        for end in [first, first + 1, first + 100, whole.len() - 1] {
            std::fs::write(&path, &whole[..end]).expect("a file");
            let mut folder = Folder::open(place.path(), &settings)?;
            assert_eq!((folder.lines().len(), folder.torn()), (1, end - first));
            folder.push(line(&runs[1], 0.5))?;
            drop(folder);
            assert_eq!(std::fs::read(&path).expect("lines"), whole, "{end}");
        }
        Ok(())
    }

    #[test]
    fn other_settings_and_lines_without_sense_are_named() -> Result<()> {
        let place = tempfile::tempdir().expect("a folder");
        let mut plan = plan();
        let settings = plan.settings()?;
        let (runs, _) = plan.runs();
        Folder::open(place.path(), &settings)?.push(line(&runs[0], 0.5))?;
        plan.base.train.steps = 7;
        let error = Folder::open(place.path(), &plan.settings()?).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("train.steps is 7, expected 700"), "{error}");

        std::fs::write(place.path().join(LINES), "{\"algorithm\": 3}\n").expect("a file");
        let error = Folder::open(place.path(), &settings).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("runs.jsonl: line 1"), "{error}");
        Ok(())
    }

    #[test]
    fn a_run_that_is_not_paired_is_refused() -> Result<()> {
        let place = tempfile::tempdir().expect("a folder");
        let plan = plan();
        let (runs, _) = plan.runs();
        let mut folder = Folder::open(place.path(), &plan.settings()?)?;
        folder.push(line(&runs[0], 0.5))?;
        let mut other = line(&runs[1], 0.5);
        other.pairing.encoder = "another".to_owned();
        let error = folder.push(other).unwrap_err().to_string();
        assert!(
            error.contains("initial encoder") && error.contains("fixmatch plain"),
            "{error}"
        );
        assert_eq!(folder.lines().len(), 1);
        Ok(())
    }
}
