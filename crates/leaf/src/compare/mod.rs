//! Comparisons: what LEAF brings to a training rule, over many seeds.
//!
//! A [`Plan`] lists the runs: algorithms x [`Variant`]s x label budgets x seeds. Runs of one seed and budget are
//! *paired*: they have the same labelled faces, the same initial encoder, and the same batches and views, which
//! each [`Line`] proves by its [`Pairing`]. Lines go into a [`Folder`] as they are finished, so that a comparison
//! which was ended goes on where it was. [`results`] makes the rows of the [`table`] and of the [`page`] from
//! them: differences are taken seed by seed, since two seeds differ by more than most variants do.

mod document;
#[cfg(test)]
mod fake;
mod folder;
mod kept;
mod line;
mod page;
mod pairing;
mod plan;
mod results;
mod shared;
mod statistics;
mod svg;
mod table;
mod tuning;
mod variant;

pub use document::with_tables;
pub use folder::Folder;
pub use kept::kept_table;
pub use line::{Line, Origin};
pub use page::page;
pub use pairing::Pairing;
pub use plan::{LeftOut, Plan, PlannedRun, Seeds};
pub use results::{Difference, Row, results};
pub use statistics::{Interval, Sample, t_quantile};
pub use table::table;
pub use tuning::Tuning;
pub use variant::Variant;
