//! Rules that numbers of a configuration keep.

use leaf_core::Error;

use crate::Result;

/// Finite and more than 0.
pub(crate) fn positive(field: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0., field, value, "more than 0")
}

/// In `[0, 1]`.
pub(crate) fn share(field: &'static str, value: f64) -> Result<()> {
    check((0. ..=1.).contains(&value), field, value, "0 to 1")
}

/// In `[0, 1)`.
pub(crate) fn share_below_one(field: &'static str, value: f64) -> Result<()> {
    let expected = "0 or more and less than 1";
    check((0. ..1.).contains(&value), field, value, expected)
}

/// One rule on one number.
///
/// # Errors
/// When it does not hold.
pub(crate) fn check(
    holds: bool,
    field: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected,
    }
    .into())
}
