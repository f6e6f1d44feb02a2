//! The modules by hand, for tensors in the processor's memory.
//!
//! Each does in one pass forward and one pass backward what its plain twin does with candle's
//! operations. Twins serve every other device and are what tests compare with.

mod exp;
mod experts;
#[allow(unsafe_code)]
mod matrix;
mod parallel;
#[allow(unsafe_code)]
mod product;
mod scratch;
#[allow(unsafe_code)]
mod simd;
mod values;
mod vector;

pub(crate) use experts::fuse;
