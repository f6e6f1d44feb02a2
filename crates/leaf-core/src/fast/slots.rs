//! Parts of a slice that tasks take, each its own.

use std::sync::{Mutex, PoisonError};

/// A slice in parts of equal length, of which the last may be shorter.
#[derive(Debug)]
pub(super) struct Slots<'a, T>(Vec<Mutex<&'a mut [T]>>);

impl<'a, T> Slots<'a, T> {
    pub(super) fn new(values: &'a mut [T], size: usize) -> Self {
        Self(values.chunks_mut(size.max(1)).map(Mutex::new).collect())
    }

    /// A part; empty beyond the slice's end, and when it was taken before.
    pub(super) fn take(&self, index: usize) -> &'a mut [T] {
        let Some(slot) = self.0.get(index) else {
            return &mut [];
        };
        std::mem::take(&mut *slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
