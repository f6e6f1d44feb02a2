//! Everything that a run needs to go on as if it had never stopped.
//!
//! A snapshot is two files of one name: `step-N.safetensors` holds every tensor (weights, averages,
//! the optimizer's moments, the algorithm's thresholds and averages, what the trainer counts),
//! `step-N.json` the rest, and the number of bytes and a hash of the other. The tensors are
//! written first: without its JSON a file of tensors is nothing, so a snapshot is there whole or not at all.
//! Reading one parses numbers and executes nothing.

mod differences;
mod folder;
mod record;
mod tensors;

#[cfg(test)]
mod tests;

pub use differences::differences;
pub(crate) use folder::SnapshotFolder;
pub use folder::last_snapshot;
pub(crate) use record::{BestRecord, FORMAT, Record};
pub(crate) use tensors::{from_bytes, part, to_bytes};
