//! Python's pickles, as far as `torch.save` writes them.
//!
//! A pickle is a program for a stack machine that may name any function and have it called. This
//! machine calls nothing: it writes down what would be called with what, and the reader of the tensors
//! looks for the few descriptions that it knows.

mod bytes;
mod machine;
mod value;

pub(super) use bytes::Bytes;
pub(super) use machine::parse;
pub(super) use value::{Id, Pickle, Value};

#[cfg(test)]
mod tests;
