//! The modules by hand, for tensors in the processor's memory.
//!
//! Each does in one pass forward and one pass backward what its plain twin does with candle's
//! operations. Twins serve every other device and are what tests compare with.

mod balance;
mod columns;
mod contrast;
mod exp;
mod experts;
mod gate;
mod log;
mod losses;
#[allow(unsafe_code)]
mod matrix;
mod operation;
mod parallel;
#[allow(unsafe_code)]
mod product;
mod ranking;
#[allow(unsafe_code)]
mod real;
mod scratch;
#[allow(unsafe_code)]
mod simd;
mod slots;
mod values;
mod vector;

pub(crate) use balance::balance;
pub(crate) use contrast::contrastive;
pub(crate) use experts::fuse;
pub(crate) use gate::{Gated, route};
pub(crate) use losses::{
    Prediction, SetLoss, cross_entropy, decouple, set_loss, soft_cross_entropy,
};
