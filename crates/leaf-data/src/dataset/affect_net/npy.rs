//! NumPy's files of text or integers; candle reads numbers only, and AffectNet's labels are often text.
//!
//! The format: the magic bytes, a version of two bytes, the header's length (2 bytes in version 1, else
//! 4, little endian), the header (a Python dictionary of `descr`, `fortran_order` and `shape`), the data.

use std::io::ErrorKind;
use std::path::Path;

use crate::{Error, Result};

const EXPECTED: &str = "NumPy's array of text or integers, little endian, by rows";

/// An array whose values are written as text.
#[derive(Debug)]
pub(super) struct Array {
    /// No sides for a single value.
    pub(super) shape: Vec<usize>,
    /// Row by row.
    pub(super) values: Vec<String>,
}

impl Array {
    /// The value, or the shape if there is more than one.
    pub(super) fn describe(&self) -> String {
        match &self.values[..] {
            [value] => format!("{value:?}"),
            _ => format!("an array of shape {:?}", self.shape),
        }
    }
}

/// Reads an array of text (`U`, `S`) or integers (`i`, `u`).
///
/// # Errors
/// [`Error::Missing`] without the file, [`Error::LabelFile`] naming it if it is something else.
pub(super) fn read(file: &Path, what: &'static str) -> Result<Array> {
    // Of hundreds of thousands of files none is looked at before it is opened.
    let bytes = std::fs::read(file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Missing {
            path: file.to_owned(),
            expected: what,
        },
        _ => Error::io("read", file, error),
    })?;
    parse(&bytes).map_err(|found| Error::LabelFile {
        file: file.to_owned(),
        found,
        expected: EXPECTED,
    })
}

type Found<T> = std::result::Result<T, String>;

fn parse(bytes: &[u8]) -> Found<Array> {
    let (header, data) = split(bytes).ok_or("a file of another format, or one that is cut")?;
    let unknown = || format!("an array with the header {header:?}");
    if value(header, "fortran_order")
        .ok_or_else(unknown)?
        .starts_with("True")
    {
        return Err(unknown());
    }
    let shape = value(header, "shape").and_then(shape).ok_or_else(unknown)?;
    let item = value(header, "descr")
        .and_then(Item::parse)
        .ok_or_else(unknown)?;
    let count = shape
        .iter()
        .try_fold(1_usize, |count, &side| count.checked_mul(side));
    let count = count.ok_or_else(unknown)?;
    if count.checked_mul(item.size) != Some(data.len()) {
        let found = data.len();
        return Err(format!("{found} bytes of data under the header {header:?}"));
    }
    let values = data.chunks_exact(item.size).map(|chunk| item.text(chunk));
    let values = values.collect();
    Ok(Array { shape, values })
}

/// Header and data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let rest = bytes.strip_prefix(b"\x93NUMPY")?;
    let ([major, _minor], rest) = rest.split_first_chunk::<2>()?;
    let (length, rest) = if *major == 1 {
        let (length, rest) = rest.split_first_chunk::<2>()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?.trim_end(), data))
}

/// What follows a key of the header.
fn value<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(&format!("'{key}':"))?;
    Some(rest.trim_start())
}

/// `()`, `(3,)` or `(3, 2)`.
fn shape(text: &str) -> Option<Vec<usize>> {
    let (sides, _) = text.strip_prefix('(')?.split_once(')')?;
    let sides = sides
        .split(',')
        .map(str::trim)
        .filter(|side| !side.is_empty());
    sides.map(|side| side.parse().ok()).collect()
}

/// The kind of a value and how many bytes it takes.
struct Item {
    kind: char,
    size: usize,
}

impl Item {
    /// `'<U1'`, `'|S2'`, `'<i8'` and the like.
    fn parse(text: &str) -> Option<Self> {
        let (name, _) = text.strip_prefix('\'')?.split_once('\'')?;
        let mut name = name.chars();
        let (order, kind) = (name.next()?, name.next()?);
        let number: usize = name.as_str().parse().ok()?;
        let size = match kind {
            'U' => number.checked_mul(4)?,
            'S' => number,
            'i' | 'u' if matches!(number, 1 | 2 | 4 | 8) => number,
            _ => return None,
        };
        let known = matches!(order, '<' | '|') && size > 0;
        known.then_some(Self { kind, size })
    }

    /// The value, without the zeros that fill text up.
    fn text(&self, bytes: &[u8]) -> String {
        let text = match self.kind {
            'U' => {
                let points = bytes.as_chunks::<4>().0.iter().copied();
                let chars = points.map(|point| char::from_u32(u32::from_le_bytes(point)));
                chars.map(|c| c.unwrap_or('\u{fffd}')).collect()
            }
            'S' => String::from_utf8_lossy(bytes).into_owned(),
            kind => return integer_text(bytes, kind == 'i'),
        };
        text.trim_end_matches('\0').to_owned()
    }
}

/// A little-endian integer of up to 8 bytes.
fn integer_text(bytes: &[u8], signed: bool) -> String {
    let negative = signed && bytes.last().is_some_and(|&last| last >= 0x80);
    let mut whole = [if negative { 0xff } else { 0 }; 16];
    whole[..bytes.len()].copy_from_slice(bytes);
    i128::from_le_bytes(whole).to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn file(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    /// NumPy's file of text.
    pub(crate) fn text_array(shape: &[usize], values: &[&str]) -> Vec<u8> {
        let width = values
            .iter()
            .map(|value| value.chars().count())
            .max()
            .unwrap_or(1);
        let mut data = Vec::new();
        for value in values {
            let filled = value.chars().chain(std::iter::repeat('\0')).take(width);
            data.extend(filled.flat_map(|c| u32::from(c).to_le_bytes()));
        }
        let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
        file(
            &format!("<U{width}"),
            &format!("({})", sides.trim_end()),
            &data,
        )
    }

    /// NumPy's file of one integer.
    pub(crate) fn integer(value: i64) -> Vec<u8> {
        file("<i8", "()", &value.to_le_bytes())
    }

    fn values(bytes: &[u8]) -> Vec<String> {
        parse(bytes).unwrap().values
    }

    #[test]
    fn every_kind_of_value() {
        assert_eq!(values(&text_array(&[2, 1], &["a", "bcé"])), ["a", "bcé"]);
        assert_eq!(
            parse(&text_array(&[2, 1], &["a", "b"])).unwrap().shape,
            [2, 1]
        );
        assert!(parse(&integer(3)).unwrap().shape.is_empty());
        assert_eq!(values(&integer(-7)), ["-7"]);
        assert_eq!(values(&file("|S3", "(2,)", b"ab\0abc")), ["ab", "abc"]);
        assert_eq!(values(&file("|u1", "(2,)", &[7, 200])), ["7", "200"]);
        assert_eq!(values(&file("|i1", "()", &[200])), ["-56"]);
        assert_eq!(
            values(&file("<u8", "()", &[255; 8])),
            [u64::MAX.to_string()]
        );
    }

    #[test]
    fn version_2_has_a_longer_length() {
        let mut bytes = integer(5);
        bytes[6] = 2;
        bytes.splice(10..10, [0, 0]);
        assert_eq!(values(&bytes), ["5"]);
    }

    #[test]
    fn other_files_are_named() {
        let found = |bytes: &[u8]| parse(bytes).unwrap_err();
        assert!(found(b"").contains("another format"));
        assert!(found(b"\x93NUMPY\x01\x00\xff\xff{}").contains("one that is cut"));
        for (descr, shape) in [
            ("|O", "()"),
            ("<f8", "()"),
            (">i8", "()"),
            ("<i3", "()"),
            ("<U0", "()"),
            ("<i8", "(-1,)"),
            ("<U9999999999999999999", "()"),
            ("<i8", "(9999999999, 9999999999)"),
        ] {
            assert!(
                found(&file(descr, shape, &[0; 8])).contains(descr),
                "{descr} {shape}"
            );
        }
        assert!(found(&file("<i8", "(2,)", &[0; 8])).starts_with("8 bytes of data"));
        let turned = String::from_utf8_lossy(&integer(1)[10..]).replace("False", "True ");
        let mut bytes = integer(1)[..10].to_vec();
        bytes.extend(turned.bytes());
        assert!(found(&bytes).contains("fortran_order"));
    }
}
