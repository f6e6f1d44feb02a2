//! Trained weights in one file that says what they are for.

mod atomic;
mod card;
mod folder;
mod header;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use atomic::write_atomically;
pub(crate) use atomic::{names, remove, remove_unfinished};
#[cfg(test)]
pub(crate) use card::tests::example as example_card;
pub use card::{Architecture, ModelCard, Preprocessing};
pub(crate) use folder::CheckpointFolder;
pub(crate) use header::sorted;
pub use read::Checkpoint;
pub use write::save_checkpoint;

/// Which weights of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The network that was trained.
    Student,
    /// The running average of its weights.
    Average,
}

impl Part {
    const ALL: [Self; 2] = [Self::Student, Self::Average];

    /// The part's name, which its tensors' names start with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Average => "average",
        }
    }

    /// A stored name as its part and the parameter's path.
    fn split(stored: &str) -> Option<(Self, &str)> {
        let (prefix, path) = stored.split_once('.')?;
        let part = Self::ALL.into_iter().find(|part| part.name() == prefix)?;
        Some((part, path))
    }
}
