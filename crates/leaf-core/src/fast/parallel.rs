//! Work on several threads, where it is worth waking them.
//!
//! The threads are those of candle's own operations (`CANDLE_NUM_THREADS`, `RAYON_NUM_THREADS`): two pools
//! that wait for work in turn would take the processors from each other.

use candle_core::utils::barrier_pool;

use super::slots::Slots;

/// Floating-point operations below which one thread is faster: it takes some microseconds to wake another.
const SMALL: usize = 1_000_000;

/// Runs all tasks, on several threads if they take `operations` that are worth it.
///
/// A task must not care which thread runs it, nor when: results are the same on any number of them. It must
/// not call candle's operations, which may wait for the threads that wait for it.
pub(super) fn for_each(tasks: usize, operations: usize, task: impl Fn(usize) + Sync) {
    if tasks < 2 || operations < SMALL {
        (0..tasks).for_each(task);
    } else {
        barrier_pool().execute_chunked(tasks, |tasks| tasks.for_each(&task));
    }
}

/// What each task gives, in the tasks' order; otherwise as [`for_each`].
pub(super) fn map<R: Send>(
    tasks: usize,
    operations: usize,
    task: impl Fn(usize) -> R + Sync,
) -> Vec<R> {
    let mut found: Vec<Option<R>> = (0..tasks).map(|_| None).collect();
    let slots = Slots::new(&mut found, 1);
    for_each(tasks, operations, |index| {
        for slot in slots.take(index) {
            *slot = Some(task(index));
        }
    });
    found.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tasks_are_done_in_order() {
        for operations in [0, 10 * SMALL] {
            let squares = map(100, operations, |index| index * index);
            let wanted: Vec<usize> = (0..100).map(|index| index * index).collect();
            assert_eq!(squares, wanted);
        }
    }
}
