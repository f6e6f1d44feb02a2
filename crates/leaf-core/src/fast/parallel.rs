//! Work on several threads, where it is worth waking them.

use rayon::prelude::*;

/// Floating-point operations below which one thread is faster: it takes some microseconds to wake another.
const SMALL: usize = 1_500_000;

/// Runs all tasks, on several threads if they take `operations` or more in all.
///
/// A task must not care which thread runs it, nor when: results are the same on any number of them.
pub(super) fn for_each(tasks: usize, operations: usize, task: impl Fn(usize) + Sync + Send) {
    if tasks < 2 || operations < SMALL || rayon::current_num_threads() < 2 {
        (0..tasks).for_each(task);
    } else {
        (0..tasks).into_par_iter().with_max_len(1).for_each(task);
    }
}

/// What each task gives, in the tasks' order; otherwise as [`for_each`].
pub(super) fn map<R: Send>(
    tasks: usize,
    operations: usize,
    task: impl Fn(usize) -> R + Sync + Send,
) -> Vec<R> {
    if tasks < 2 || operations < SMALL || rayon::current_num_threads() < 2 {
        (0..tasks).map(task).collect()
    } else {
        (0..tasks)
            .into_par_iter()
            .with_max_len(1)
            .map(task)
            .collect()
    }
}
