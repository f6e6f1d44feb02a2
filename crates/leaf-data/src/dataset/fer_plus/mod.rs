//! FERPlus: FER2013's faces with ten people's votes for each.

mod votes;

use std::path::Path;
use std::sync::Arc;

pub use self::votes::FerPlusMode;
use self::votes::{NUM_VOTES, verdict};
use super::fer2013::{Usage, rows};
use super::label_file::{bad_line, lines, require, stays_inside};
use super::{DataSet, Entry, Source};
use crate::{Error, Result};

/// FERPlus's classes in the order of its votes; votes for no known expression and for no face follow.
pub const FER_PLUS_CLASSES: [&str; 8] = [
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
];

const PARTS: [(&str, Usage); 3] = [
    ("FER2013Train", Usage::Training),
    ("FER2013Valid", Usage::PublicTest),
    ("FER2013Test", Usage::PrivateTest),
];

const BOX_LINE: &str = "NAME,\"(LEFT, TOP, RIGHT, BOTTOM)\" and 10 votes of 0 to 10";
const VOTE_LINE: &str =
    "Training, PublicTest or PrivateTest, the image's name and 10 votes of 0 to 10";
const VOTE_HEADER: &str = "a header of Usage,Image name,neutral,happiness,surprise,sadness,\
                           anger,disgust,fear,contempt,unknown,NF";
const SAME_ROWS: &str = "a row for each row of fer2013.csv, with the same Usage";

/// Reads FERPlus from its folder.
///
/// Two layouts are known: `FER2013Train/`, `FER2013Valid/` and `FER2013Test/`, each with images and
/// `label.csv`; and `fer2013new.csv` beside `fer2013.csv`, which holds the pixels. `Train` and `Valid`
/// are learned from ([`DataSet::hold_out`] makes a validation set), `Test` is measured on.
///
/// A face's class is the one with most votes, if it wins by the rule of `mode`; other faces are left
/// out. By [`FerPlusMode::Majority`] it needs more than half of the votes, single votes not counted. In
/// the other modes a face also has an [`Entry::distribution`]. The box around the face is not used.
///
/// ```no_run
/// use leaf_data::{FerPlusMode, fer_plus};
///
/// let data = fer_plus("data/FERPlus".as_ref(), FerPlusMode::Majority)?;
/// println!("{:?}", data.class_counts());
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or label file, [`Error::LabelLine`] for a bad line, and
/// those of [`DataSet::new`].
pub fn fer_plus(folder: &Path, mode: FerPlusMode) -> Result<DataSet> {
    require(folder, folder.is_dir(), "the folder of FERPlus")?;
    let votes = folder.join("fer2013new.csv");
    let (training, test) = if PARTS.iter().any(|(part, _)| folder.join(part).is_dir()) {
        images(folder, mode)?
    } else if votes.is_file() {
        pixels(&votes, &folder.join("fer2013.csv"), mode)?
    } else {
        return Err(Error::Missing {
            path: folder.join("FER2013Train"),
            expected: "FERPlus's folder of training images (or fer2013new.csv beside fer2013.csv)",
        });
    };
    DataSet::new("ferplus", FER_PLUS_CLASSES, training, test)
}

/// Images in three folders.
fn images(folder: &Path, mode: FerPlusMode) -> Result<(Vec<Entry>, Vec<Entry>)> {
    let root: Arc<Path> = folder.into();
    let mut lists = (Vec::new(), Vec::new());
    for (part, usage) in PARTS {
        let images = folder.join(part);
        let file = images.join("label.csv");
        require(&file, file.is_file(), "FERPlus's label file")?;
        let lines = lines(&file)?;
        if lines.is_empty() {
            return Err(bad_line(&file, 1, "", BOX_LINE));
        }
        for (line, text) in lines {
            let bad = || bad_line(&file, line, &text, BOX_LINE);
            let (name, votes) = box_line(&text).ok_or_else(bad)?;
            let source = || Source::Below {
                folder: root.clone(),
                file: Some(format!("{part}/{name}").into()),
            };
            let entry = voted(name, &votes, mode, source);
            usage.list(&mut lists).extend(entry);
        }
    }
    Ok(lists)
}

/// The votes in one CSV, the pixels in the other, row for row.
fn pixels(votes: &Path, faces: &Path, mode: FerPlusMode) -> Result<(Vec<Entry>, Vec<Entry>)> {
    let faces = rows(faces)?;
    let lines = lines(votes)?;
    let (header, lines) = lines
        .split_first()
        .map_or((None, &[][..]), |(h, l)| (Some(h), l));
    check_header(votes, header)?;
    let mut lists = (Vec::new(), Vec::new());
    for (place, (line, text)) in lines.iter().enumerate() {
        let bad = |expected| bad_line(votes, *line, text, expected);
        let (usage, name, counted) = vote_line(text).ok_or_else(|| bad(VOTE_LINE))?;
        let face = faces.get(place).filter(|face| face.usage == usage);
        let pixels = face.ok_or_else(|| bad(SAME_ROWS))?.pixels.clone();
        // Rows that show no face have no name.
        if !name.is_empty() {
            let entry = voted(name, &counted, mode, || Source::Text(pixels));
            usage.list(&mut lists).extend(entry);
        }
    }
    if lines.len() < faces.len() {
        let last = lines.last().or(header).map_or(1, |(line, _)| *line);
        return Err(bad_line(votes, last + 1, "", SAME_ROWS));
    }
    Ok(lists)
}

fn check_header(file: &Path, header: Option<&(usize, String)>) -> Result<()> {
    let (line, text) = header.map_or((1, ""), |(line, text)| (*line, text));
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    let first = ["Usage", "Image name"].into_iter().chain(FER_PLUS_CLASSES);
    let known = first
        .zip(&names)
        .all(|(expected, name)| name.eq_ignore_ascii_case(expected));
    if known && names.len() == NUM_VOTES + 2 {
        return Ok(());
    }
    Err(bad_line(file, line, text, VOTE_HEADER))
}

/// Name and votes of a line of `label.csv`; some copies have no box.
fn box_line(line: &str) -> Option<(&str, [u32; NUM_VOTES])> {
    let (name, rest) = line.split_once(',')?;
    let (framed, votes) = match rest.rsplit_once("\",") {
        Some((framed, votes)) => (framed.strip_prefix("\"(")?.strip_suffix(')')?, votes),
        None => ("", rest),
    };
    let corners = framed
        .split(',')
        .all(|corner| corner.trim().parse::<i32>().is_ok());
    let fits = stays_inside(name) && (framed.is_empty() || corners);
    fits.then_some((name, parse_votes(votes)?))
}

/// Usage, name and votes of a line of `fer2013new.csv`.
fn vote_line(line: &str) -> Option<(Usage, &str, [u32; NUM_VOTES])> {
    let (usage, rest) = line.split_once(',')?;
    let (name, votes) = rest.split_once(',')?;
    Some((
        Usage::parse(usage.trim())?,
        name.trim(),
        parse_votes(votes)?,
    ))
}

fn parse_votes(text: &str) -> Option<[u32; NUM_VOTES]> {
    let vote = |text: &str| {
        let count = text.trim().parse().ok();
        count.filter(|&count: &u32| count <= 10)
    };
    let votes: Option<Vec<u32>> = text.split(',').map(vote).collect();
    votes?.try_into().ok()
}

/// The face with what the votes say, if any expression wins.
fn voted(
    name: &str,
    votes: &[u32; NUM_VOTES],
    mode: FerPlusMode,
    source: impl FnOnce() -> Source,
) -> Option<Entry> {
    let verdict = verdict(votes, mode)?;
    let entry = Entry::new(name, Some(verdict.label), source());
    Some(Entry {
        distribution: verdict.shares.map(Arc::from),
        ..entry
    })
}

#[cfg(test)]
mod tests;
