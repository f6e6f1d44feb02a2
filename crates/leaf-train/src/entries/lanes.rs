//! Arithmetic on several entries at once, written like that on one.

use std::ops::{Add, Div, Mul, Sub};

use pulp::Simd;

use super::Number;

/// As many neighboring entries as a vector of the processor holds.
///
/// The operators are those of single numbers: none is fused with another, so the width of the vector shows
/// in no bit. (That the compiler finds the vectors by itself cannot be relied on: a branch on a setting is
/// enough to lose them.)
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T: Number, S: Simd> {
    simd: S,
    pub(super) entries: T::Vector<S>,
}

impl<T: Number, S: Simd> Lanes<T, S> {
    #[inline(always)]
    pub(super) fn new(simd: S, entries: T::Vector<S>) -> Self {
        Self { simd, entries }
    }

    /// The square root of each.
    #[inline(always)]
    pub(crate) fn root(self) -> Self {
        Self::new(self.simd, T::root(self.simd, self.entries))
    }

    #[inline(always)]
    fn splat(self, value: f64) -> Self {
        Self::new(self.simd, T::splat(self.simd, T::of(value)))
    }
}

macro_rules! by_entry {
    ($trait:ident, $method:ident, $operation:ident) => {
        impl<T: Number, S: Simd> $trait for Lanes<T, S> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let entries = T::$operation(self.simd, self.entries, other.entries);
                Self::new(self.simd, entries)
            }
        }
    };
}

by_entry!(Add, add, sum);
by_entry!(Sub, sub, difference);
by_entry!(Mul, mul, product);
by_entry!(Div, div, quotient);

/// Plus one number, rounded as candle rounds it.
impl<T: Number, S: Simd> Add<f64> for Lanes<T, S> {
    type Output = Self;

    #[inline(always)]
    fn add(self, term: f64) -> Self {
        self + self.splat(term)
    }
}

/// Times one number, rounded as candle rounds it.
impl<T: Number, S: Simd> Mul<f64> for Lanes<T, S> {
    type Output = Self;

    #[inline(always)]
    fn mul(self, factor: f64) -> Self {
        self * self.splat(factor)
    }
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;

    #[test]
    fn operators_are_those_of_numbers() {
        let lanes = |entry: f32| Lanes::<f32, _>::new(Scalar, entry);
        let (a, b) = (lanes(9.), lanes(0.5));
        assert_eq!((a + b).entries, 9.5);
        assert_eq!((a - b).entries, 8.5);
        assert_eq!((a * b).entries, 4.5);
        assert_eq!((a / b).entries, 18.);
        assert_eq!((a.root() * 2. + 1.).entries, 7.);
        assert_eq!((a * 0.1).entries, 9. * 0.1f32, "rounded first");
    }
}
