//! Entries of tensors on the processor, read and written where they lie.
//!
//! What an optimizer does with 11 million weights is cheap arithmetic on much memory: its time is the number
//! of passes over it. candle's operations make a pass and a new tensor each; here is one pass for all.
//! Entries are cut at fixed places and each is computed on its own, without fused multiplications, so the
//! bits depend neither on the number of threads nor on the width of the processor's vectors.

mod lanes;
mod lend;
mod number;
mod pass;
mod rule;
mod squares;

pub(crate) use lanes::Lanes;
pub(crate) use number::Number;
pub(crate) use pass::renew;
pub(crate) use rule::{Mix, Rule};
pub(crate) use squares::squared_sum;

/// Entries that one task works on: some 20 microseconds, far more than it takes to hand a task over.
const TASK: usize = 32 * 1024;

/// Where a slice is cut for two halves of whole tasks, or nothing if it is one task.
fn cut(len: usize) -> Option<usize> {
    (len > TASK).then(|| (len / 2).next_multiple_of(TASK))
}
