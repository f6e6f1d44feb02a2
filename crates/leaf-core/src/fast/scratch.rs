//! Buffers that are used again.
//!
//! A fresh buffer of some megabytes costs more than what is computed in it: the system hands it out page
//! by page. What stays in this crate comes from a pool; what leaves it, such as gradients, comes from the
//! allocator, which [`keep_large_buffers`] keeps from giving it back to the system at once.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

/// Below this many numbers the allocator is as fast.
const SMALL: usize = 4096;

/// Idle numbers that are kept in all: 64 MB.
const KEPT: usize = 16 << 20;

/// What [`keep_large_buffers`] frees: just below the size from which glibc's allocator asks the system
/// always.
const LARGE: usize = 24 << 20;

/// Tells the allocator, once a process, that large buffers come and go.
///
/// The GNU C library gives freed memory back to the system above a threshold that follows the largest
/// buffer that was freed so far. Gradients that are dropped after every step would be handed out anew, page
/// by page, which takes longer than a small batch's whole step. Other allocators do not mind.
pub(super) fn keep_large_buffers() {
    static ONCE: Once = Once::new();
    // Nothing is written, so this takes no memory.
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(LARGE))));
}

/// The idle buffers by capacity.
#[derive(Debug)]
struct Pool {
    idle: BTreeMap<usize, Vec<Vec<f32>>>,
    total: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    idle: BTreeMap::new(),
    total: 0,
});

/// A lock that a panic poisoned guards whole buffers all the same.
fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers of a fixed count whose memory comes from a pool and returns there.
#[derive(Debug, Default)]
pub(super) struct Scratch(Vec<f32>);

impl Scratch {
    /// Numbers of any value: those that were left there.
    pub(super) fn take(len: usize) -> Self {
        keep_large_buffers();
        // Under a sanitizer a longer buffer would hide steps beyond the end.
        if len < SMALL || cfg!(exact_buffers) {
            return Self(vec![0.; len]);
        }
        let found = pool().take(len);
        let mut buffer = found.unwrap_or_default();
        buffer.resize(len, 0.);
        Self(buffer)
    }
}

impl Pool {
    /// A buffer that holds that many, and not many more.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let (capacity, buffers) = self.idle.range_mut(len..=2 * len).next()?;
        let capacity = *capacity;
        let buffer = buffers.pop();
        if buffers.is_empty() {
            self.idle.remove(&capacity);
        }
        self.total -= capacity;
        buffer
    }

    fn give(&mut self, buffer: Vec<f32>) {
        let capacity = buffer.capacity();
        if capacity > KEPT {
            return;
        }
        self.idle.entry(capacity).or_default().push(buffer);
        self.total += capacity;
        while self.total > KEPT {
            // The smallest goes first: it is the cheapest to have again.
            let Some(mut entry) = self.idle.first_entry() else {
                return;
            };
            if entry.get_mut().pop().is_some() {
                self.total -= *entry.key();
            }
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.capacity() >= SMALL && !cfg!(exact_buffers) {
            pool().give(buffer);
        }
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
