//! How many threads to start.

/// As many as the machine runs at once; 1 if it does not say.
pub(crate) fn available() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
