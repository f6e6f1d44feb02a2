//! Facial-expression data sets, label splits, augmentation and a deterministic loader.
//!
//! # From files to batches
//!
//! 1. A reader finds the faces: [`drawn_faces`] (embedded, nothing to download), [`raf_db`],
//!    [`fer2013`], [`fer_plus`], [`affect_net`] or [`class_folders`]; and of other things than faces
//!    [`cifar10`], [`mnist`] or [`fashion_mnist`]. A [`DataSet`] is class names, a
//!    training list and a test list.
//! 2. [`DataSet::checked`] looks at every file, so that a bad one is never met in the middle.
//! 3. A [`LabelSplit`] says which training faces keep their label. It can be written to a file and
//!    read again, and LEAF's authors' own split of RAF-DB can be drawn.
//! 4. [`Faces`] holds a list of faces at their working size; each is decoded once, if memory allows.
//! 5. A [`Loader`] serves one [`leaf_ssl::Batch`] a step, with the views that the trainer declares,
//!    prepared on other threads. [`Faces::labeled_chunks`] serves what is measured on.
//!
//! ```
//! # #[cfg(feature = "drawn-faces")] {
//! use std::sync::Arc;
//!
//! use candle_core::Device;
//! use leaf_core::Random;
//! use leaf_data::{
//!     CheckLevel, Faces, ImageConfig, LabelSplit, Loader, LoaderConfig, SplitConfig, drawn_faces,
//! };
//! use leaf_ssl::Views;
//!
//! let (data, left_out) = drawn_faces()?.checked(CheckLevel::Headers, false, |_, _| ())?;
//! assert!(left_out.is_empty());
//!
//! let config = SplitConfig { labels_per_class: 10, ..Default::default() };
//! let split = LabelSplit::new(&data, &config)?;
//!
//! let images = ImageConfig { size: 32, ..Default::default() };
//! let faces = Arc::new(Faces::new(data.training(), &images)?);
//! let (config, random) = (LoaderConfig::default(), Random::new(0).split("data"));
//! let loader = Loader::new(faces, &split, Views::WEAK_STRONG, &config, &random, &Device::Cpu)?;
//! for batch in loader.take(3) {
//!     let batch = batch?;
//!     assert_eq!(batch.labeled.labels.dims(), [21]);
//!     assert_eq!(batch.unlabeled.weak[0].dims(), [42, 1, 32, 32]);
//! }
//!
//! let test = Faces::new(data.test(), &images)?;
//! let measured: usize = test.labeled_chunks(256, &Device::Cpu).filter_map(Result::ok).count();
//! assert_eq!(measured, 3);
//! # }
//! # Ok::<(), leaf_data::Error>(())
//! ```
//!
//! [`inspect::inspect`] looks at all of a data set before that, and [`inspect::contact_sheet`] shows what a
//! network will see.
//!
//! # What stays the same
//!
//! Everything random draws from [`leaf_core::Random`]. The batch of a step depends on the seed and the
//! step's number, never on the number of threads, on time or on earlier steps, so an interrupted run
//! continues with [`Loader::start_at`]. Resizing, brightness and every operation of
//! [`mod@augment`] give what Pillow gives, within a level.
//!
//! # Features
//!
//! - `drawn-faces` (on by default) embeds 4,200 drawn faces, 5 MB. They are drawings: a figure
//!   measured on them says nothing of photographs.
//! - `cuda`, `cudnn`, `nccl`, `metal`, `mkl`, `accelerate` are candle's.

pub mod augment;
pub mod dataset;
mod error;
pub mod face;
mod fnv;
pub mod inspect;
pub mod loader;
mod normalize;
pub mod split;
#[cfg(test)]
mod test_files;
mod threads;
mod wide;

pub use augment::{AugmentConfig, Augmentation};
pub use dataset::{AffectClasses, affect_net, class_folders, fer_plus, fer2013, raf_db};
pub use dataset::{BadFile, CheckLevel, DataSet, Entry, FerPlusMode, PixelText, RafImages, Source};
pub use dataset::{cifar10, fashion_mnist, image_files, mnist};
#[cfg(feature = "drawn-faces")]
pub use dataset::{drawn_faces, drawn_faces_unseen_styles};
pub use error::{Error, Result};
pub use face::{Color, Face};
pub use loader::{Faces, ImageConfig, LabeledPass, Loader, LoaderConfig, Roster, ViewFeatures};
pub use normalize::Normalization;
pub use split::{LabelSplit, Shuffle, SplitConfig, UnlabeledSet};
