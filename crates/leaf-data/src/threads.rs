//! Work on several threads.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// As many threads as the machine runs at once; 1 if it does not say.
pub(crate) fn available() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does `work(0)` to `work(count - 1)` on all threads and gives each answer, as it comes, to
/// `receive` on this one.
pub(crate) fn each<T: Send>(
    count: usize,
    work: impl Fn(usize) -> T + Sync,
    mut receive: impl FnMut(usize, T),
) {
    let next = AtomicUsize::new(0);
    let (send, answers) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..available().min(count) {
            let (send, next, work) = (send.clone(), &next, &work);
            scope.spawn(move || {
                let take = || next.fetch_add(1, Ordering::Relaxed);
                for i in std::iter::repeat_with(take).take_while(|i| *i < count) {
                    // The receiver outlives the threads, so the answer always arrives.
                    let _ = send.send((i, work(i)));
                }
            });
        }
        drop(send);
        for (i, answer) in answers {
            receive(i, answer);
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_item_is_done_once() {
        let mut found = Vec::new();
        super::each(100, |i| i * i, |i, square| found.push((i, square)));
        found.sort_unstable();
        assert_eq!(found, (0..100).map(|i| (i, i * i)).collect::<Vec<_>>());
        super::each(0, |i| i, |_, _| unreachable!());
    }
}
