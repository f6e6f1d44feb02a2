//! What a checkpoint says beside its tensors.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ModelCard;
use crate::{Error, Result};

/// The only metadata entry of a checkpoint.
pub(super) const ENTRY: &str = "leaf";
/// The format that this version writes and reads.
pub(super) const FORMAT: u64 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: u64,
    pub(super) step: usize,
    pub(super) card: ModelCard,
}

impl Header {
    /// One line of JSON with sorted keys, so that equal runs give equal files.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        Ok(sorted(serde_json::to_value(self)?).to_string())
    }

    /// The format is checked first: another one may have other fields.
    pub(super) fn from_json(text: &str, path: &Path) -> Result<Self> {
        let refuse = |found: String, expected: &str| Error::NotACheckpoint {
            path: path.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let found = format!("its metadata {ENTRY:?} is no JSON ({error})");
            refuse(found, "a checkpoint's description")
        })?;
        let format = &value["format"];
        if format.as_u64() != Some(FORMAT) {
            return Err(refuse(
                format!("its format is {format}"),
                &format!("format {FORMAT}"),
            ));
        }
        serde_json::from_value(value).map_err(|error| {
            let found = format!("its metadata {ENTRY:?} is damaged ({error})");
            refuse(found, "a checkpoint's description")
        })
    }
}

impl ModelCard {
    /// The card as a file gives it back: decimal text can change a number's last bit.
    pub(super) fn as_stored(&self) -> serde_json::Result<Self> {
        serde_json::from_str(&serde_json::to_string(self)?)
    }
}

/// Sorts keys even where some other crate turned on insertion order for `serde_json`.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let entries = entries.into_iter().map(|(key, value)| (key, sorted(value)));
            Value::Object(entries.collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::card::tests::example;

    #[test]
    fn keys_are_sorted() {
        let header = Header {
            format: FORMAT,
            step: 3,
            card: example(&["happy", "sad"]),
        };
        let text = header.to_json().expect("JSON");
        let start = r#"{"card":{"architecture":{"config":{"bias":true,"width":4},"name":"linear"}"#;
        assert!(text.starts_with(start), "{text}");
        let again = Header::from_json(&text, Path::new("x")).expect("the same");
        assert_eq!(again.card, header.card);
    }

    #[test]
    fn other_formats_are_named_before_anything_else() {
        let text = r#"{"format": 2, "something": "new"}"#;
        let error = Header::from_json(text, Path::new("x")).expect_err("format 2");
        assert_eq!(error.to_string(), "x: its format is 2, expected format 1");
    }
}
