//! Memory that is used again for the next batch.

use std::hint::black_box;

/// Beyond this glibc keeps no block, however large those were that it has seen.
const LARGEST: usize = (32 << 20) - (64 << 10);

/// Tells the allocator how many bytes a batch has, so that it keeps them for the next one.
///
/// glibc returns a large block to the kernel, which must clear every page of the next one, unless it has seen a
/// block as large being freed (mallopt(3), "dynamic mmap threshold"). So it sees one; nobody writes to it, so it
/// takes no memory. To other allocators it is one block more.
pub(super) fn expect(bytes: usize) {
    drop(black_box(Vec::<u8>::with_capacity(bytes.min(LARGEST))));
}
