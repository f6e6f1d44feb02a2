//! FERPlus: FER2013's faces with ten people's votes for each.

mod votes;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

pub use self::votes::FerPlusMode;
use self::votes::{NUM_VOTES, verdict};
use super::fer2013::{Usage, faces};
use super::label_file::{bad_line, require, stays_inside};
use super::table::{Row, each_row};
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

/// A training list and a test list.
type Lists = (Vec<Entry>, Vec<Entry>);

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
fn images(folder: &Path, mode: FerPlusMode) -> Result<Lists> {
    let root: Arc<Path> = folder.into();
    let mut lists = Lists::default();
    for (part, usage) in PARTS {
        let file = folder.join(part).join("label.csv");
        require(&file, file.is_file(), "FERPlus's label file")?;
        let mut empty = true;
        each_row(&file, |row| {
            empty = false;
            let (name, votes) = box_row(&row).ok_or_else(|| row.bad_row(BOX_LINE))?;
            let source = || Source::Below {
                folder: root.clone(),
                file: Some(format!("{part}/{name}").into()),
            };
            let entry = voted(&name, &votes, mode, source);
            usage.list(&mut lists).extend(entry);
            Ok(())
        })?;
        if empty {
            return Err(bad_line(&file, 1, "", BOX_LINE));
        }
    }
    Ok(lists)
}

/// The votes in one CSV, the pixels in the other, row for row.
fn pixels(votes: &Path, pixels: &Path, mode: FerPlusMode) -> Result<Lists> {
    let mut faces = faces(pixels)?.into_iter();
    let mut lists = Lists::default();
    let mut last = None;
    each_row(votes, |row| {
        if last.replace(row.line.number).is_none() {
            return check_header(&row);
        }
        let (usage, name, counted) = vote_row(&row).ok_or_else(|| row.bad_row(VOTE_LINE))?;
        let face = faces.next().filter(|face| face.usage == usage);
        let pixels = face.ok_or_else(|| row.bad_row(SAME_ROWS))?.pixels;
        // Rows that show no face have no name.
        if !name.is_empty() {
            let entry = voted(&name, &counted, mode, || Source::Text(pixels));
            usage.list(&mut lists).extend(entry);
        }
        Ok(())
    })?;
    match last {
        None => Err(bad_line(votes, 1, "", VOTE_HEADER)),
        Some(last) if faces.next().is_some() => Err(bad_line(votes, last + 1, "", SAME_ROWS)),
        Some(_) => Ok(lists),
    }
}

fn check_header(row: &Row) -> Result<()> {
    let first = ["Usage", "Image name"].into_iter().chain(FER_PLUS_CLASSES);
    let known = first
        .enumerate()
        .all(|(place, expected)| row.field(place).eq_ignore_ascii_case(expected));
    match known && row.len() == NUM_VOTES + 2 {
        true => Ok(()),
        false => Err(row.bad_row(VOTE_HEADER)),
    }
}

/// Name and votes of a row of `label.csv`; some copies have no box.
fn box_row<'a>(row: &Row<'a>) -> Option<(Cow<'a, str>, [u32; NUM_VOTES])> {
    let first_vote = row.len().checked_sub(NUM_VOTES)?;
    let boxed = match first_vote {
        1 => true,
        2 => is_box(&row.field(1)),
        _ => false,
    };
    let name = row.field(0);
    let fits = boxed && stays_inside(&name);
    fits.then_some((name, votes_from(row, first_vote)?))
}

/// `(LEFT, TOP, RIGHT, BOTTOM)`.
fn is_box(text: &str) -> bool {
    let corners = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let corners = corners.unwrap_or_default().split(',');
    let numbers: std::result::Result<Vec<i32>, _> =
        corners.map(|corner| corner.trim().parse()).collect();
    numbers.is_ok_and(|numbers| numbers.len() == 4)
}

/// Usage, name and votes of a row of `fer2013new.csv`.
fn vote_row<'a>(row: &Row<'a>) -> Option<(Usage, Cow<'a, str>, [u32; NUM_VOTES])> {
    let usage = Usage::parse(&row.field(0))?;
    let known = row.len() == NUM_VOTES + 2;
    known.then_some((usage, row.field(1), votes_from(row, 2)?))
}

fn votes_from(row: &Row, first: usize) -> Option<[u32; NUM_VOTES]> {
    let mut votes = [0; NUM_VOTES];
    for (place, votes) in votes.iter_mut().enumerate() {
        let count = row.field(first + place).parse().ok();
        *votes = count.filter(|&count: &u32| count <= 10)?;
    }
    Some(votes)
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
