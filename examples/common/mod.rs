//! What the examples that train share: the command line and the table at the end.

pub(crate) mod arguments;
pub(crate) mod table;
