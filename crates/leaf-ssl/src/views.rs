//! What a trainer needs of a batch and of whoever runs it.

/// What a trainer needs of a batch and of whoever runs it. The loader serves just that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Views {
    /// Weakly augmented views of an unlabelled face, which pseudo-labels are made from.
    pub weak: usize,
    /// Strongly augmented views of an unlabelled face, which are trained on.
    pub strong: usize,
    /// Whether the first strong view is needed once more, turned by a random quarter.
    pub rotated: bool,
    /// Whether the unlabelled faces' places in the training list are needed.
    pub index: bool,
    /// Whether the labelled faces' places in the training list are needed.
    pub labeled_index: bool,
    /// Whether a running average of the weights must be kept.
    pub average: bool,
    /// Whether all labelled faces must be at hand ([`crate::LabeledFaces`]).
    pub labeled_pass: bool,
}

impl Views {
    /// No unlabelled faces at all: supervised training.
    pub const NONE: Self = Self {
        weak: 0,
        strong: 0,
        rotated: false,
        index: false,
        labeled_index: false,
        average: false,
        labeled_pass: false,
    };
    /// One weak and one strong view, as in FixMatch.
    pub const WEAK_STRONG: Self = Self {
        weak: 1,
        strong: 1,
        ..Self::NONE
    };

    /// Whether unlabelled faces are needed.
    pub fn any(self) -> bool {
        self.weak + self.strong > 0
    }

    /// Everything that either needs.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            weak: self.weak.max(other.weak),
            strong: self.strong.max(other.strong),
            rotated: self.rotated || other.rotated,
            index: self.index || other.index,
            labeled_index: self.labeled_index || other.labeled_index,
            average: self.average || other.average,
            labeled_pass: self.labeled_pass || other.labeled_pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_ones_needs_are_met() {
        let index = Views {
            weak: 2,
            index: true,
            ..Views::NONE
        };
        let both = Views::WEAK_STRONG.or(index);
        assert_eq!((both.weak, both.strong, both.index), (2, 1, true));
        assert_eq!(both, index.or(Views::WEAK_STRONG));
        assert!(!Views::NONE.any());
    }
}
