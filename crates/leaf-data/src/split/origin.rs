//! The training list that a split was drawn from.

use serde::{Deserialize, Serialize};

use crate::DataSet;
use crate::fnv::fnv1a64;

/// What a split says of its training list, so that it is not used with another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    /// The data set. It may be called otherwise elsewhere, as a folder may be moved.
    pub(super) name: String,
    pub(super) classes: Vec<String>,
    pub(super) training_faces: usize,
    /// 64-bit FNV-1a of the training faces' names and classes in their order.
    pub(super) training_hash: String,
}

impl Origin {
    pub(super) fn of(data: &DataSet) -> Self {
        let lines = data.training().iter().flat_map(|entry| {
            // A face without a class has none of the numbers.
            let label = entry.label.map_or(u64::MAX, u64::from).to_le_bytes();
            entry.name.bytes().chain([b'\n']).chain(label)
        });
        Self {
            name: data.name().to_owned(),
            classes: data.classes().to_vec(),
            training_faces: data.training().len(),
            training_hash: format!("{:016x}", fnv1a64(lines)),
        }
    }

    /// What differs, with what is `written` and what is here; `None` if nothing does.
    pub(super) fn difference(
        written: &Self,
        here: &Self,
    ) -> Option<(&'static str, String, String)> {
        if written.classes != here.classes {
            let list = |origin: &Self| origin.classes.join(", ");
            return Some(("the list of classes", list(written), list(here)));
        }
        if written.training_faces != here.training_faces {
            let count = |origin: &Self| format!("{} of {}", origin.training_faces, origin.name);
            return Some(("the number of training faces", count(written), count(here)));
        }
        (written.training_hash != here.training_hash).then(|| {
            let hash = |origin: &Self| format!("{} of {}", origin.training_hash, origin.name);
            (
                "the hash of the training faces' names and classes",
                hash(written),
                hash(here),
            )
        })
    }
}
