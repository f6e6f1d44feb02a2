//! How much of NVIDIA's toolkit a check uses.

use clap::ValueEnum;

/// How much of NVIDIA's toolkit takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    /// Nothing: empty kernels, empty libraries, no download. Checks, links, runs the CPU tests
    Stub,
    /// The real compiler for candle's ordinary kernels; those for quantized and expert models stay
    /// empty. Downloads 0.7 GB
    Ptx,
    /// Everything real. Downloads 0.7 GB and compiles for minutes
    Full,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stub => "stub",
            Self::Ptx => "ptx",
            Self::Full => "full",
        })
    }
}
