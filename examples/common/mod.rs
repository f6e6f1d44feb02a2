//! What the examples that train share: command line, console and the table at the end.

pub(crate) mod arguments;
pub(crate) mod table;
