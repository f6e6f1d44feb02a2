//! LEAF for facial expressions: everything in one place.
//!
//! The crates of the workspace under short names, and the [`recipe`] that assembles a whole run from
//! one value. Who only needs the layers depends on `leaf-core` instead.
//!
//! | module | for |
//! |---|---|
//! | [`core`] | gates, experts, aggregation, the category level, contrast |
//! | [`ssl`] | what semi-supervised trainers share |
//! | [`fixmatch`] | FixMatch, plain and with LEAF |
//! | [`vision`] | backbones |
//! | [`data`] | data sets, splits, views, the loader |
//! | [`train`] | optimizers, weight average, checkpoints, the trainer |

mod device;
mod error;
pub mod recipe;

pub use device::DeviceChoice;
pub use error::{Error, Result};

#[doc(no_inline)]
pub use {
    leaf_core as core, leaf_data as data, leaf_fixmatch as fixmatch, leaf_ssl as ssl,
    leaf_train as train, leaf_vision as vision,
};

/// The README's program is compiled and run by the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
