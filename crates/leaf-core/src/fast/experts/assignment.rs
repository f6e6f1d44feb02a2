//! Rows sorted by the expert that serves them.

use std::ops::Range;

use crate::{Error, Result};

/// Which expert serves which row, as positions in a list that is sorted by expert.
#[derive(Debug)]
pub(super) struct Assignment {
    /// Where each expert's positions begin, and where the last one's end.
    starts: Vec<usize>,
    /// Each position's row; none where rows and positions are the same.
    rows: Option<Vec<usize>>,
    /// The position of each row's j-th answer.
    positions: Vec<usize>,
    /// How many answers a row has.
    kept: usize,
}

impl Assignment {
    /// Each row has `kept` experts of its own.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an expert that does not exist.
    pub(super) fn sorted(experts: &[u32], kept: usize, num_experts: usize) -> Result<Self> {
        let mut starts = vec![0; num_experts + 1];
        for expert in experts {
            match starts.get_mut(*expert as usize + 1) {
                Some(count) => *count += 1,
                None => {
                    return Err(Error::OutOfRange {
                        field: "routing.experts",
                        value: f64::from(*expert),
                        expected: "less than the number of experts",
                    });
                }
            }
        }
        for expert in 0..num_experts {
            starts[expert + 1] += starts[expert];
        }
        let mut next = starts.clone();
        let mut rows = vec![0; experts.len()];
        let positions = experts.iter().enumerate().map(|(answer, expert)| {
            let position = next[*expert as usize];
            next[*expert as usize] += 1;
            rows[position] = answer / kept.max(1);
            position
        });
        Ok(Self {
            positions: positions.collect(),
            rows: Some(rows),
            starts,
            kept,
        })
    }

    /// All rows have the same expert, whose answer counts `kept` times.
    pub(super) fn tied(rows: usize, kept: usize) -> Self {
        Self {
            starts: vec![0, rows],
            rows: None,
            positions: (0..rows * kept).map(|answer| answer / kept).collect(),
            kept,
        }
    }

    /// How many positions there are.
    pub(super) fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// How many answers a row has.
    pub(super) fn kept(&self) -> usize {
        self.kept
    }

    /// Experts that serve any row, with their positions.
    pub(super) fn active(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let pairs = self.starts.windows(2).enumerate();
        pairs.filter_map(|(expert, ends)| (ends[0] < ends[1]).then_some((expert, ends[0]..ends[1])))
    }

    /// Each position's row, unless they are the same.
    pub(super) fn rows(&self) -> Option<&[usize]> {
        self.rows.as_deref()
    }

    /// The positions of a row's answers.
    pub(super) fn of_row(&self, row: usize) -> &[usize] {
        &self.positions[row * self.kept..(row + 1) * self.kept]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experts_get_blocks_in_the_order_of_rows() -> Result<()> {
        let sorted = Assignment::sorted(&[2, 0, 0, 2, 2, 3], 2, 5)?;
        let active: Vec<_> = sorted.active().collect();
        assert_eq!(active, [(0, 0..2), (2, 2..5), (3, 5..6)]);
        assert_eq!(sorted.rows(), Some(&[0, 1, 0, 1, 2, 2][..]));
        assert_eq!(
            (sorted.of_row(0), sorted.of_row(2)),
            (&[2, 0][..], &[4, 5][..])
        );
        assert_eq!(sorted.len(), 6);
        Ok(())
    }

    #[test]
    fn an_expert_that_does_not_exist_is_named() {
        let error = Assignment::sorted(&[0, 7], 1, 4).unwrap_err();
        assert_eq!(
            error.to_string(),
            "routing.experts = 7, expected less than the number of experts"
        );
    }

    #[test]
    fn a_tied_expert_answers_once() {
        let tied = Assignment::tied(3, 2);
        assert_eq!((tied.len(), tied.of_row(2)), (3, &[2, 2][..]));
        assert_eq!(tied.active().collect::<Vec<_>>(), [(0, 0..3)]);
    }
}
