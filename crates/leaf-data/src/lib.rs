//! Facial-expression data sets, label splits, augmentation and a deterministic loader.

pub mod augment;
pub mod dataset;
mod error;
pub mod face;
mod normalize;
pub mod split;
#[cfg(test)]
mod test_files;
mod threads;

pub use augment::{AugmentConfig, Augmentation};
pub use dataset::{BadFile, CheckLevel, DataSet, Entry, RafImages, Source, class_folders, raf_db};
#[cfg(feature = "drawn-faces")]
pub use dataset::{drawn_faces, drawn_faces_unseen_styles};
pub use error::{Error, Result};
pub use face::{Color, Face};
pub use normalize::Normalization;
pub use split::{LabelSplit, Shuffle, SplitConfig, UnlabeledSet};
