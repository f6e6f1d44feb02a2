//! Weights that PyTorch wrote (`make.py` of this folder) give the numbers that PyTorch computes with them.

mod damage;
mod files;
mod networks;
mod recipes;

use std::error::Error;
use std::path::PathBuf;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// A file that `make.py` wrote.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/weights")
        .join(name)
}
