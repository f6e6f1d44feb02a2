//! Rules that numbers of a trainer's configuration keep; an error names field, value and bound.

use leaf_core::Error;

use crate::Result;

/// Finite and 0 or more.
///
/// # Errors
/// When it is not.
pub fn not_negative(field: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value >= 0., field, value, "0 or more")
}

/// Finite and more than 0.
///
/// # Errors
/// When it is not.
pub fn positive(field: &'static str, value: f64) -> Result<()> {
    check(value.is_finite() && value > 0., field, value, "more than 0")
}

/// In `[0, 1]`.
///
/// # Errors
/// When it is not.
pub fn share(field: &'static str, value: f64) -> Result<()> {
    check((0. ..=1.).contains(&value), field, value, "0 to 1")
}

/// In `[0, 1)`.
///
/// # Errors
/// When it is not.
pub fn share_below_one(field: &'static str, value: f64) -> Result<()> {
    let expected = "0 or more and less than 1";
    check((0. ..1.).contains(&value), field, value, expected)
}

/// One rule on one number.
///
/// # Errors
/// When it does not hold.
pub fn check(holds: bool, field: &'static str, value: f64, expected: &'static str) -> Result<()> {
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
