//! A slice that several tasks write, each its own part.

use std::marker::PhantomData;

/// A mutable slice whose parts are written from several threads.
///
/// Outputs of a convolution are interleaved (rows of pixels by blocks of channels), so that
/// `chunks_mut` cannot hand them out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: it is a pointer to plain numbers; whoever dereferences it answers for races.
unsafe impl Send for Shared<'_> {}
// SAFETY: as above.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(super) fn new(slice: &'a mut [f32]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            lifetime: PhantomData,
        }
    }

    /// The place of an entry, and a check that `count` entries follow.
    pub(super) fn at(self, index: usize, count: usize) -> *mut f32 {
        assert!(index + count <= self.len, "a kernel left its output");
        self.start.wrapping_add(index)
    }

    /// Some entries.
    ///
    /// # Safety
    /// No other task may have them at the same time.
    pub(super) unsafe fn part(self, index: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: `at` has checked the bounds; the caller answers for aliases.
        unsafe { std::slice::from_raw_parts_mut(self.at(index, count), count) }
    }
}
