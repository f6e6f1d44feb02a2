//! What options on faces choose between.

use clap::ValueEnum;

/// How the labelled faces are drawn.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum SplitArgument {
    /// This library's generator, by --seed.
    Seeded,
    /// NumPy's legacy generator with seed 5, as LEAF's authors do for RAF-DB.
    Authors,
    /// The same as one stream over all classes, as they do for FERPlus and AffectNet.
    AuthorsOneStream,
}

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum CheckArgument {
    /// Each file exists, is not empty and its header decodes.
    Headers,
    /// Each image is decoded whole.
    Full,
    /// Not at all.
    None,
}
