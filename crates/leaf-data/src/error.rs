//! What can go wrong, each with the thing, its value and what was expected.

use std::path::PathBuf;

use crate::dataset::BadFile;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `leaf-data`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of candle failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),

    /// A file or folder cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// `"read"`, `"list"` or `"write"`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// A folder or file of a data set's layout does not exist.
    #[error("{} does not exist, expected {expected}", path.display())]
    Missing {
        /// The folder or file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
    },

    /// A link to a folder, which might lead out of the data set or round in a circle.
    #[error("{} is a link to {}, expected a folder", path.display(), target.display())]
    LinkedFolder {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },

    /// A name that no list of faces can hold.
    #[error("the name of {} is no Unicode text, expected one that a list can hold", path.display())]
    NotUnicode {
        /// The file or folder, with U+FFFD for what is no text.
        path: PathBuf,
    },

    /// A line of a label file does not say which face shows what.
    #[error("{}, line {line}: {text:?}, expected {expected}", file.display())]
    LabelLine {
        /// The label file.
        file: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// The line, or the value in it, as it stands; a long one is cut.
        text: String,
        /// What it should be.
        expected: &'static str,
    },

    /// A file of labels without lines holds something else.
    #[error("{}: {found}, expected {expected}", file.display())]
    LabelFile {
        /// The file.
        file: PathBuf,
        /// What is in it.
        found: String,
        /// What it should hold.
        expected: &'static str,
    },

    /// A data set has too few classes to tell apart.
    #[error("data set {name:?} has {found} classes, expected at least 2")]
    TooFewClasses {
        /// The data set.
        name: String,
        /// How many it has.
        found: usize,
    },

    /// A class has no faces to learn from.
    #[error("class {class:?} of data set {name:?} has 0 training faces, expected at least 1")]
    EmptyClass {
        /// The data set.
        name: String,
        /// The class.
        class: String,
    },

    /// A folder that should hold images holds none.
    #[error("{} holds 0 images, expected at least 1 of {expected}", path.display())]
    NoImages {
        /// The folder.
        path: PathBuf,
        /// The endings that are read.
        expected: &'static str,
    },

    /// Folders and the class names that were asked for differ.
    #[error("class {class:?} is {found}, expected the classes {expected:?}")]
    UnknownClass {
        /// The class.
        class: String,
        /// Where it was found or missed.
        found: String,
        /// The classes that are known.
        expected: Vec<String>,
    },

    /// Two classes or two faces have the same name.
    #[error("{what} {name:?} occurs twice in the data set, expected once")]
    Duplicate {
        /// `"class"` or `"face"`.
        what: &'static str,
        /// The name.
        name: String,
    },

    /// A face's class is none of the data set's.
    #[error("face {name:?} has class {label}, expected less than {num_classes}")]
    Label {
        /// The face.
        name: String,
        /// Its class.
        label: u32,
        /// How many classes there are.
        num_classes: usize,
    },

    /// An image cannot be decoded.
    #[error("image {name:?} cannot be used: {reason}")]
    Image {
        /// The face's name or file.
        name: String,
        /// Why.
        reason: String,
    },

    /// Features of a frozen encoder that do not fit.
    #[error("features: found {found}, expected {expected}")]
    Features {
        /// What there is.
        found: String,
        /// What there should be.
        expected: &'static str,
    },

    /// Files of the data set are missing or damaged.
    #[error("{}", describe(bad, *checked))]
    BadFiles {
        /// All of them.
        bad: Vec<BadFile>,
        /// How many files were looked at.
        checked: usize,
    },

    /// More labels a class were asked for than there are, or none.
    #[error(
        "labels per class = {asked}, expected 1 to {available}, the training faces of class {class:?}"
    )]
    LabelsPerClass {
        /// The class that bounds the number.
        class: String,
        /// How many labels were asked for.
        asked: usize,
        /// How many training faces the class has.
        available: usize,
    },

    /// Labels that the classes cannot share equally.
    #[error(
        "labels in all = {total}, expected a multiple of {num_classes}, the number of classes, above 0"
    )]
    TotalLabels {
        /// How many labels were asked for.
        total: usize,
        /// How many classes there are.
        num_classes: usize,
    },

    /// A number that means nothing beside a list of labeled faces.
    #[error("{field} = {value} beside a list of labeled faces, expected {expected}")]
    BesideList {
        /// The configuration's field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The value that changes nothing.
        expected: &'static str,
    },

    /// More faces without a label were asked for than a class has left.
    #[error(
        "unlabeled faces per class = {asked}, expected 0 to {available}, the faces of class {class:?} without a label"
    )]
    UnlabeledPerClass {
        /// The class that bounds the number.
        class: String,
        /// How many were asked for.
        asked: usize,
        /// How many the class has.
        available: usize,
    },

    /// More faces of a class were to be held out than it can spare, or none.
    #[error("held-out faces per class = {asked}, expected 1 to {} of the {available} faces of class {class:?}", available.saturating_sub(1))]
    HoldOut {
        /// The class that bounds the number.
        class: String,
        /// How many were to be held out.
        asked: usize,
        /// How many labeled training faces the class has.
        available: usize,
    },

    /// A list of labeled faces does not fit the data set.
    #[error("labeled face {name:?} {problem}")]
    SplitName {
        /// The face in the list.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },

    /// A file is not the split that it should be.
    #[error("{}: {reason}, expected {expected}", path.display())]
    SplitFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What it should be.
        expected: &'static str,
    },

    /// A split was written for other faces, or is another one.
    #[error("{}: {what} is {written}, here it is {found}, expected the same", path.display())]
    SplitDiffers {
        /// The split's file.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What the file says.
        written: String,
        /// What is there now.
        found: String,
    },

    /// A number of a configuration is out of its bounds.
    #[error("{field} = {value}, expected {expected}")]
    OutOfRange {
        /// The configuration's field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The bounds in words.
        expected: &'static str,
    },

    /// A face's pixels do not have the size that they are said to have.
    #[error(
        "{found} samples for {height} x {width} pixels of {channels} channels, expected {height}*{width}*{channels}, 1 or 3 channels"
    )]
    FaceSize {
        /// How many samples were given.
        found: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Samples a pixel.
        channels: usize,
    },

    /// A face has no label where one is needed.
    #[error("face {name:?} has no label, expected one to measure with")]
    Unlabeled {
        /// The face.
        name: String,
    },

    /// A split was made for another training list.
    #[error(
        "the split names face {place}, expected less than {count}, the number of training faces"
    )]
    SplitPlace {
        /// The place in the training list.
        place: usize,
        /// How many training faces there are.
        count: usize,
    },

    /// A thread cannot be started.
    #[error("cannot start a thread that prepares batches: {source}")]
    Thread {
        /// What the system says.
        source: std::io::Error,
    },

    /// A thread that prepares batches ended without an answer.
    #[error("the thread that prepares step {step} ended unexpectedly")]
    WorkerEnded {
        /// The step that was waited for.
        step: u64,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn image(name: impl Into<String>, reason: impl ToString) -> Self {
        Self::Image {
            name: name.into(),
            reason: reason.to_string(),
        }
    }
}

/// How many bad files an error's text names; the variant holds them all.
const NAMED: usize = 5;

fn describe(bad: &[BadFile], checked: usize) -> String {
    let mut text = format!("{} of {checked} files cannot be used:", bad.len());
    for file in bad.iter().take(NAMED) {
        text.push_str(&format!("\n  {file}"));
    }
    if bad.len() > NAMED {
        text.push_str(&format!("\n  and {} more", bad.len() - NAMED));
    }
    text
}
