//! What a snapshot says beside its tensors.

use std::collections::BTreeMap;
use std::path::Path;

use leaf_core::RandomState;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::differences::differences;
use crate::checkpoint::sorted;
use crate::{Error, Result};

/// The format that this version writes and reads.
pub(crate) const FORMAT: u64 = 1;

/// What a snapshot says beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) format: u64,
    /// How many steps were done.
    pub(crate) step: usize,
    /// What the run is, as its caller writes it down: configuration, faces, split, network.
    pub(crate) run: Value,
    /// Where the networks' noise stands; none if it was recorded elsewhere.
    pub(crate) noise: Option<RandomState>,
    pub(crate) best: Option<BestRecord>,
    /// Steps in a row in which no unlabelled face passed.
    pub(crate) silent: usize,
    pub(crate) skipped: usize,
    pub(crate) skipped_in_a_row: usize,
    /// How many bytes each observer's file had.
    pub(crate) written: BTreeMap<String, u64>,
    /// How long the run took so far; the only entry that two equal runs do not share.
    pub(crate) seconds: f64,
    pub(crate) tensors: TensorFile,
}

/// The best step so far; its rate is a tensor, which keeps every bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BestRecord {
    pub(crate) step: usize,
    pub(crate) set: String,
}

/// By what the file of tensors is known to be whole and of this snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorFile {
    pub(super) bytes: usize,
    /// 64-bit XXH3 in hexadecimal digits.
    pub(super) hash: String,
}

impl TensorFile {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len(),
            hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes)),
        }
    }
}

impl Record {
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        let value = sorted(serde_json::to_value(self)?);
        Ok(serde_json::to_string_pretty(&value)? + "\n")
    }

    /// The format is looked at first: another one may have other fields.
    pub(super) fn from_json(text: &str, path: &Path) -> Result<Self> {
        let refuse = |found: String, expected: &str| Error::NotACheckpoint {
            path: path.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let damaged = |error: serde_json::Error| {
            let found = format!("damaged ({error})");
            refuse(found, "a checkpoint to go on from")
        };
        let value: Value = serde_json::from_str(text).map_err(damaged)?;
        match value["format"].as_u64() {
            Some(FORMAT) => serde_json::from_value(value).map_err(damaged),
            Some(format) => Err(Error::OtherFormat {
                path: path.to_owned(),
                format,
                expected: FORMAT,
            }),
            None => Err(refuse(
                format!("its format is {}", value["format"]),
                &format!("format {FORMAT}"),
            )),
        }
    }

    /// Whether the snapshot is of this run.
    ///
    /// # Errors
    /// [`Error::OtherRun`] naming everything that differs, with both values.
    pub(super) fn check_run(&self, run: &Value, path: &Path) -> Result<()> {
        // As a file gives it back: decimal text can change a number's last bit.
        let stored = serde_json::to_string(run).and_then(|text| serde_json::from_str(&text));
        let expected: Value = stored.map_err(|error| Error::NotACheckpoint {
            path: path.to_owned(),
            found: format!("of a run that JSON cannot hold ({error})"),
            expected: "one that it can".to_owned(),
        })?;
        let differences = differences(&self.run, &expected);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::OtherRun {
            path: path.to_owned(),
            differences,
        })
    }
}
