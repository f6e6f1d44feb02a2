//! Matrices in slices: what products read, and what several tasks write, each its own part.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

/// A matrix that is read: entry (i, j) lies at `i row_step + j column_step`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Source<'a> {
    /// Rows one after the other.
    pub(super) fn rows(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert!(rows * columns <= values.len(), "a matrix is too short");
        Self {
            values,
            rows,
            columns,
            row_step: columns,
            column_step: 1,
        }
    }

    /// The same numbers with rows and columns exchanged.
    pub(super) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// Some rows.
    pub(super) fn part(self, rows: Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        if rows.is_empty() {
            return Self { rows: 0, ..self };
        }
        Self {
            values: &self.values[rows.start * self.row_step..],
            rows: rows.len(),
            ..self
        }
    }

    /// Some columns.
    pub(super) fn columns_part(self, columns: Range<usize>) -> Self {
        self.transposed().part(columns).transposed()
    }

    pub(super) fn row_count(self) -> usize {
        self.rows
    }

    pub(super) fn column_count(self) -> usize {
        self.columns
    }

    /// The distance between rows.
    pub(super) fn row_step(self) -> usize {
        self.row_step
    }

    /// The distance between columns.
    pub(super) fn column_step(self) -> usize {
        self.column_step
    }

    /// Adds all rows to the target's first one.
    pub(super) fn add_rows_to(self, target: &mut Target<'_>) {
        assert_eq!((self.column_step, target.columns), (1, self.columns));
        // SAFETY: a target that is added to has been written, and this one is borrowed alone.
        let sums = unsafe { target.row(0) };
        for row in 0..self.rows {
            let row = &self.values[row * self.row_step..][..self.columns];
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
    }

    /// Where entry (0, 0) lies. All entries are in the slice: the constructors have checked it.
    pub(super) fn start(self) -> *const f32 {
        self.values.as_ptr()
    }
}

/// A matrix of rows that is written: entry (i, j) lies at `i step + j`.
#[derive(Debug)]
pub(super) struct Target<'a> {
    start: *mut f32,
    rows: usize,
    columns: usize,
    step: usize,
    lifetime: PhantomData<&'a mut [f32]>,
}

// SAFETY: it stands for parts of a mutable slice of plain numbers, which may move between threads.
unsafe impl Send for Target<'_> {}
// SAFETY: a shared one gives out parts by an unsafe function alone, whose callers answer for races.
unsafe impl Sync for Target<'_> {}

impl<'a> Target<'a> {
    /// All of a slice.
    pub(super) fn rows(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        assert!(rows * columns <= values.len(), "a matrix is too short");
        Self {
            start: values.as_mut_ptr(),
            rows,
            columns,
            step: columns,
            lifetime: PhantomData,
        }
    }

    /// Memory that nobody has written yet: products that do not accumulate may write it.
    pub(super) fn fresh(values: &'a mut [MaybeUninit<f32>], rows: usize, columns: usize) -> Self {
        assert!(rows * columns <= values.len(), "a matrix is too short");
        Self {
            start: values.as_mut_ptr().cast(),
            rows,
            columns,
            step: columns,
            lifetime: PhantomData,
        }
    }

    /// Some rows of some columns.
    ///
    /// # Safety
    /// No two parts that are in use at the same time may overlap.
    pub(super) unsafe fn part(&self, rows: Range<usize>, columns: Range<usize>) -> Target<'a> {
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        assert!(columns.start <= columns.end && columns.end <= self.columns);
        Target {
            start: self
                .start
                .wrapping_add(rows.start * self.step + columns.start),
            rows: rows.len(),
            columns: columns.len(),
            ..*self
        }
    }

    pub(super) fn row_count(&self) -> usize {
        self.rows
    }

    pub(super) fn column_count(&self) -> usize {
        self.columns
    }

    pub(super) fn step(&self) -> usize {
        self.step
    }

    pub(super) fn start(&mut self) -> *mut f32 {
        self.start
    }

    /// A row's numbers.
    ///
    /// # Safety
    /// They must have been written before.
    pub(super) unsafe fn row(&mut self, index: usize) -> &mut [f32] {
        assert!(index < self.rows);
        // SAFETY: the row lies in the slice, and this part is the only one that has it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(index * self.step), self.columns) }
    }
}

/// A matrix that products fill for the first time.
#[derive(Debug)]
pub(super) struct Fresh {
    values: Vec<f32>,
    rows: usize,
    columns: usize,
}

impl Fresh {
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self {
            values: Vec::with_capacity(rows * columns),
            rows,
            columns,
        }
    }

    pub(super) fn target(&mut self) -> Target<'_> {
        Target::fresh(self.values.spare_capacity_mut(), self.rows, self.columns)
    }

    /// The numbers.
    ///
    /// # Safety
    /// Every entry must have been written.
    pub(super) unsafe fn filled(mut self) -> Vec<f32> {
        // SAFETY: the capacity was asked for, and the caller has written all of it.
        unsafe { self.values.set_len(self.rows * self.columns) };
        self.values
    }
}
