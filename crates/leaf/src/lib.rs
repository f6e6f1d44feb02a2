//! LEAF for facial expressions: everything in one place.
//!
//! The crates of the workspace under short names, and the [`recipe`] that assembles a whole run from
//! one value; [`report`] makes a page of it, [`predict`] uses what it trained, [`probe`] asks what its features keep, [`weights`] come from PyTorch and go there. Who only needs
//! the layers depends on `leaf-core` instead.
//!
//! | module | for |
//! |---|---|
//! | [`core`] | gates, experts, aggregation, the category level, contrast |
//! | [`ssl`] | what semi-supervised trainers share |
//! | [`pseudo_label`] | Pseudo-Label and Pi-Model |
//! | [`mean_teacher`] | Mean Teacher |
//! | [`uda`] | UDA |
//! | [`fixmatch`], [`flexmatch`], [`freematch`], [`softmatch`], [`adamatch`], [`dash`] | the family of FixMatch |
//! | [`mixmatch`] | MixMatch and ReMixMatch |
//! | [`comatch`] | CoMatch and SimMatch |
//! | [`ada_cm`] | Ada-CM, and the LEAF authors' own trainer |
//! | [`debias`] | DebiasPL around any of them |
//! | [`vision`] | backbones |
//! | [`data`] | data sets, splits, views, the loader |
//! | [`train`] | optimizers, weight average, checkpoints, the trainer |

pub mod compare;
mod device;
mod error;
pub mod predict;
pub mod probe;
pub mod recipe;
pub mod report;
pub mod weights;

pub use device::DeviceChoice;
pub use error::{Error, Result};

#[doc(no_inline)]
pub use {
    leaf_ada_cm as ada_cm, leaf_adamatch as adamatch, leaf_comatch as comatch, leaf_core as core,
    leaf_dash as dash, leaf_data as data, leaf_debias as debias, leaf_fixmatch as fixmatch,
    leaf_flexmatch as flexmatch, leaf_freematch as freematch, leaf_mean_teacher as mean_teacher,
    leaf_mixmatch as mixmatch, leaf_pseudo_label as pseudo_label, leaf_softmatch as softmatch,
    leaf_ssl as ssl, leaf_train as train, leaf_uda as uda, leaf_vision as vision,
};

/// The README's program is compiled and run by the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
