//! The modules by hand, for tensors in the processor's memory.
//!
//! Each does in one pass forward and one pass backward what its plain twin does with candle's
//! operations. Twins serve every other device and are what tests compare with.

mod balance;
mod exp;
mod experts;
mod gate;
#[allow(unsafe_code)]
mod matrix;
mod operation;
mod parallel;
#[allow(unsafe_code)]
mod product;
#[allow(unsafe_code)]
mod real;
mod scratch;
#[allow(unsafe_code)]
mod simd;
mod values;
mod vector;

pub(crate) use balance::balance;
pub(crate) use experts::fuse;
pub(crate) use gate::{Gated, route};
