//! FERPlus: FER2013's faces with ten people's votes for each.

use std::path::Path;

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

/// The eight classes, unknown, no face.
const VOTES: usize = 10;

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
/// A face's class is what most people voted for: single votes do not count, and a face is left out
/// unless one of the eight classes then has more than half of the votes. The box around the face is
/// not used.
///
/// ```no_run
/// let data = leaf_data::fer_plus("data/FERPlus".as_ref())?;
/// println!("{:?}", data.class_counts());
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or label file, [`Error::LabelLine`] for a bad line, and
/// those of [`DataSet::new`].
pub fn fer_plus(folder: &Path) -> Result<DataSet> {
    require(folder, folder.is_dir(), "the folder of FERPlus")?;
    let votes = folder.join("fer2013new.csv");
    let (training, test) = if PARTS.iter().any(|(part, _)| folder.join(part).is_dir()) {
        images(folder)?
    } else if votes.is_file() {
        pixels(&votes, &folder.join("fer2013.csv"))?
    } else {
        return Err(Error::Missing {
            path: folder.join("FER2013Train"),
            expected: "FERPlus's folder of training images (or fer2013new.csv beside fer2013.csv)",
        });
    };
    DataSet::new("ferplus", FER_PLUS_CLASSES, training, test)
}

/// Images in three folders.
fn images(folder: &Path) -> Result<(Vec<Entry>, Vec<Entry>)> {
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
            if let Some(label) = majority(votes) {
                let entry = Entry::file(name, Some(label), images.join(name));
                usage.list(&mut lists).push(entry);
            }
        }
    }
    Ok(lists)
}

/// The votes in one CSV, the pixels in the other, row for row.
fn pixels(votes: &Path, faces: &Path) -> Result<(Vec<Entry>, Vec<Entry>)> {
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
        if let Some(label) = majority(counted).filter(|_| !name.is_empty()) {
            usage.list(&mut lists).push(Entry {
                name: name.to_owned(),
                label: Some(label),
                source: Source::Text(pixels),
            });
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
    if known && names.len() == VOTES + 2 {
        return Ok(());
    }
    Err(bad_line(file, line, text, VOTE_HEADER))
}

/// Name and votes of a line of `label.csv`; some copies have no box.
fn box_line(line: &str) -> Option<(&str, [u32; VOTES])> {
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
fn vote_line(line: &str) -> Option<(Usage, &str, [u32; VOTES])> {
    let (usage, rest) = line.split_once(',')?;
    let (name, votes) = rest.split_once(',')?;
    Some((
        Usage::parse(usage.trim())?,
        name.trim(),
        parse_votes(votes)?,
    ))
}

fn parse_votes(text: &str) -> Option<[u32; VOTES]> {
    let vote = |text: &str| {
        let count = text.trim().parse().ok();
        count.filter(|&count: &u32| count <= 10)
    };
    let votes: Option<Vec<u32>> = text.split(',').map(vote).collect();
    votes?.try_into().ok()
}

/// The class with more than half of the votes that are not alone.
fn majority(votes: [u32; VOTES]) -> Option<u32> {
    let votes = votes.map(|count| if count > 1 { count } else { 0 });
    let sum: u32 = votes.iter().sum();
    let most = votes.iter().position(|&count| 2 * count > sum)?;
    (most < FER_PLUS_CLASSES.len()).then_some(most as u32)
}

#[cfg(test)]
mod tests;
