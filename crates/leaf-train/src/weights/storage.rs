//! Where the numbers of a pickle's tensors lie.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::rc::Rc;

use zip::ZipArchive;

use super::pickle::{Bytes, Pickle, Value, parse};
use super::refusal::{Refusal, Result};
use super::tensor::widths;

/// How the archives begin that `torch.save` writes since 1.6.
pub(super) const ARCHIVE: &[u8] = b"PK\x03\x04";

/// How the files begin that it wrote before: a pickle of its magic number.
pub(super) const STREAM: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";

/// Most bytes of the pickle in an archive; the numbers lie outside it.
const LARGEST_PICKLE: u64 = 256 << 20;

/// The numbers of each storage, by its key.
pub(super) enum Storages<'a> {
    /// A file of an archive each.
    Archive {
        archive: ZipArchive<Cursor<&'a [u8]>>,
        /// What the files' names start with.
        prefix: String,
        read: HashMap<String, Rc<[u8]>>,
    },
    /// One behind the other, each with its length.
    Stream(HashMap<String, &'a [u8]>),
}

impl std::fmt::Debug for Storages<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Archive { .. } => "Archive",
            Self::Stream(_) => "Stream",
        })
    }
}

/// Reads an archive's pickle.
pub(super) fn open_archive(bytes: &[u8]) -> Result<(Pickle, Storages<'_>)> {
    let damaged = |error: zip::result::ZipError| {
        Refusal::new(
            format!("a damaged archive ({error})"),
            "a file of torch.save",
        )
    };
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| name.ok().map(|name| name.into_owned()))
        .collect();
    let is_pickle = |name: &&String| *name == "data.pkl" || name.ends_with("/data.pkl");
    let Some(pickle) = names.iter().find(is_pickle) else {
        return Err(Refusal::new(
            "an archive without data.pkl",
            "a file of torch.save",
        ));
    };
    let prefix = pickle.trim_end_matches("data.pkl").to_owned();
    let order = format!("{prefix}byteorder");
    if names.contains(&order) && member(&mut archive, &order, 16)? != b"little" {
        return Err(Refusal::new(
            "numbers in another byte order",
            "little endian",
        ));
    }
    let pickle = member(&mut archive, pickle, LARGEST_PICKLE)?;
    let pickle = parse(&mut Bytes::new(&pickle))?;
    let storages = Storages::Archive {
        archive,
        prefix,
        read: HashMap::new(),
    };
    Ok((pickle, storages))
}

/// One file of an archive, of at most that many bytes.
fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str, at_most: u64) -> Result<Vec<u8>> {
    let damaged = |error: &dyn std::fmt::Display| {
        let found = format!("an archive whose {name:?} cannot be read ({error})");
        Refusal::new(found, "a whole file of torch.save")
    };
    let file = archive.by_name(name).map_err(|error| damaged(&error))?;
    let mut bytes = Vec::new();
    let read = file.take(at_most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| damaged(&error))?;
    if bytes.len() as u64 > at_most {
        return Err(damaged(&format!("it has more than {at_most} bytes")));
    }
    Ok(bytes)
}

/// Reads a file of before 1.6: magic number, version, system, the pickle, the storages' keys and, in
/// that order, each storage's length and numbers.
pub(super) fn open_stream(bytes: &[u8]) -> Result<(Pickle, Storages<'_>)> {
    let mut bytes = Bytes::new(bytes);
    bytes.take(STREAM.len())?;
    parse(&mut bytes)?;
    let system = parse(&mut bytes)?;
    let order = system.entry(system.root(), "little_endian");
    if order.is_some_and(|id| *system.value(id) == Value::Bool(false)) {
        return Err(Refusal::new(
            "numbers in another byte order",
            "little endian",
        ));
    }
    let pickle = parse(&mut bytes)?;
    let widths = widths(&pickle)?;
    let keys = parse(&mut bytes)?;
    let mut storages = HashMap::new();
    for &key in keys.items(keys.root()).unwrap_or_default() {
        let key = keys.text(key).unwrap_or_default();
        let Some(&width) = widths.get(key) else {
            return Err(Refusal::new(
                format!("storage {key:?}, of which the pickle does not speak"),
                "the storages of its tensors",
            ));
        };
        let count = bytes.length()?;
        let length = count.saturating_mul(width);
        storages.insert(key.to_owned(), bytes.take(length)?);
    }
    Ok((pickle, Storages::Stream(storages)))
}

impl Storages<'_> {
    /// The bytes under a key, of which there are at most `at_most`.
    pub(super) fn bytes(&mut self, key: &str, at_most: usize) -> Result<Rc<[u8]>> {
        match self {
            Self::Stream(storages) => match storages.get(key) {
                Some(bytes) => Ok(Rc::from(*bytes)),
                None => Err(Refusal::new(
                    format!("no storage {key:?}"),
                    "the numbers of a tensor",
                )),
            },
            Self::Archive {
                archive,
                prefix,
                read,
            } => {
                if let Some(bytes) = read.get(key) {
                    return Ok(bytes.clone());
                }
                let name = format!("{prefix}data/{key}");
                let bytes: Rc<[u8]> = member(archive, &name, at_most as u64)?.into();
                read.insert(key.to_owned(), bytes.clone());
                Ok(bytes)
            }
        }
    }
}
