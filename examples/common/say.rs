//! Words for the user.

use std::fmt::Display;
use std::io::Write;

/// Prints a line; a closed or full standard output is an error like any other.
pub(crate) fn say(line: impl Display) -> leaf::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|source| leaf::Error::File {
        path: "standard output".to_owned(),
        source,
    })
}
