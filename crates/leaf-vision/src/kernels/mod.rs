//! What a pass over maps is computed with on the processor, in f32 and channels last.
//!
//! Each kernel is written once, for registers of any width, and compiled for every instruction set;
//! [`simd`] chooses at run time. All sums have an order that depends on shapes alone, so that results
//! do not depend on the number of threads.

// Registers are loaded from and stored to places that were checked once for a whole tile, and tasks
// share an output whose parts interleave. Each block says why it is sound.
#![allow(unsafe_code)]

pub(crate) mod convolution;
mod direct;
pub(crate) mod epilogue;
pub(crate) mod layout;
pub(crate) mod max_pool;
pub(crate) mod norm;
mod pack;
pub(crate) mod packed;
pub(crate) mod plan;
pub(crate) mod scratch;
mod shared;
pub(crate) mod simd;
mod tile;
mod transpose;
mod weight_gradient;
mod winograd;
