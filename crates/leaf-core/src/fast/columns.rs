//! Rows side by side: the numbers of one class of many rows lie next to each other.
//!
//! A row has few classes. What is done to one, class after class, is done to all rows of a block at once, and
//! becomes vector code without sums across registers, whatever the number of classes.

use std::hint::select_unpredictable;
use std::ops::Range;

/// Rows of a block: some registers, so that loops over them stay loops that compilers know how to widen.
pub(super) const LANES: usize = 64;

/// The numbers of one class, or any number of a row, of a block's rows.
pub(super) type Column<T> = [T; LANES];

/// The rows of a block. A loop over them must not call what the compiler may leave a call.
#[inline(always)]
pub(super) fn lanes() -> Range<usize> {
    0..LANES
}

/// A block's columns from its rows `(rows, classes)`. Columns of rows that are not there stay as they are.
#[inline(always)]
pub(super) fn read<A: Copy, B>(rows: &[A], columns: &mut [Column<B>], convert: impl Fn(A) -> B) {
    let classes = columns.len();
    for (class, column) in columns.iter_mut().enumerate() {
        for (to, row) in column.iter_mut().zip(rows.chunks_exact(classes)) {
            *to = convert(row[class]);
        }
    }
}

/// A block's rows `(rows, classes)` from its columns.
#[inline(always)]
pub(super) fn write<A: Copy, B>(columns: &[Column<A>], rows: &mut [B], convert: impl Fn(A) -> B) {
    let classes = columns.len();
    for (class, column) in columns.iter().enumerate() {
        for (from, row) in column.iter().zip(rows.chunks_exact_mut(classes)) {
            row[class] = convert(*from);
        }
    }
}

/// One of two values, both of which are known: no way through the code depends on a number.
///
/// Neither may be the number of memory that it is going to replace. Such a choice becomes a store under a mask,
/// which takes AMD's processors ten times as long as one of a whole register.
#[inline(always)]
pub(super) fn choose<T>(condition: bool, yes: T, no: T) -> T {
    select_unpredictable(condition, yes, no)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        for count in [0, 1, LANES - 1, LANES] {
            let rows: Vec<u8> = (0..count * 3).map(|i| i as u8).collect();
            let mut columns = [[1000u32; LANES]; 3];
            read(&rows, &mut columns, u32::from);
            if count > 0 {
                assert_eq!(columns[1][count - 1], (count * 3 - 2) as u32);
            }
            assert!(
                columns
                    .iter()
                    .all(|column| column[count..].iter().all(|x| *x == 1000))
            );
            let mut found = vec![0; rows.len()];
            write(&columns, &mut found, |x| x as u8);
            assert_eq!(found, rows);
        }
    }
}
