//! What a user may choose about the kernels.

use std::sync::OnceLock;

use super::simd::Isa;
use crate::error::{Error, Result};

/// How the kernels of one pass run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) isa: Isa,
    /// Whether 3x3 convolutions of stride 1 may go through F(4x4, 3x3).
    pub(crate) winograd: bool,
}

/// Whether this process may use F(4x4, 3x3): yes, unless the environment variable `LEAF_WINOGRAD` is
/// `off`. The direct way rounds less.
///
/// # Errors
/// When the variable is neither `on` nor `off`.
pub(crate) fn winograd_in_use() -> Result<bool> {
    static CHOICE: OnceLock<std::result::Result<bool, String>> = OnceLock::new();
    let choice = CHOICE.get_or_init(|| {
        let value = std::env::var_os(WINOGRAD_VARIABLE).unwrap_or_default();
        match value.to_string_lossy().as_ref() {
            "" | "on" => Ok(true),
            "off" => Ok(false),
            other => Err(other.to_owned()),
        }
    });
    choice.clone().map_err(|value| Error::Winograd { value })
}

/// The environment variable that switches F(4x4, 3x3) off.
pub const WINOGRAD_VARIABLE: &str = "LEAF_WINOGRAD";
