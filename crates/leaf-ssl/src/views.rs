//! Which pictures of a face a trainer needs.

/// How many views of each unlabelled face a trainer needs. The loader serves just those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Views {
    /// Weakly augmented views, which pseudo-labels are made from.
    pub weak: usize,
    /// Strongly augmented views, which are trained on.
    pub strong: usize,
}

impl Views {
    /// No unlabelled faces at all: supervised training.
    pub const NONE: Self = Self { weak: 0, strong: 0 };
    /// One weak and one strong view, as in FixMatch.
    pub const WEAK_STRONG: Self = Self { weak: 1, strong: 1 };

    /// Whether unlabelled faces are needed.
    pub fn any(self) -> bool {
        self.weak + self.strong > 0
    }
}
