//! The numbers that are worked on in place, one by one and in vectors of the processor's width.

use candle_core::{CpuStorage, WithDType};
use pulp::Simd;

/// f32 or f64.
pub(crate) trait Number: WithDType {
    /// As many numbers as the processor takes at once.
    type Vector<S: Simd>: Copy;

    /// A setting or a factor, rounded as candle rounds it.
    fn of(value: f64) -> Self;

    /// The same value in double precision.
    fn wide(self) -> f64;

    /// All entries of a storage, or nothing if it holds other numbers.
    fn entries_mut(storage: &mut CpuStorage) -> Option<&mut [Self]>;

    /// The slice as vectors, and what does not fill one.
    fn vectors<S: Simd>(entries: &[Self]) -> (&[Self::Vector<S>], &[Self]);

    /// The slice as vectors, and what does not fill one.
    fn vectors_mut<S: Simd>(entries: &mut [Self]) -> (&mut [Self::Vector<S>], &mut [Self]);

    /// The same number everywhere.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;

    /// `a + b`.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a - b`.
    fn difference<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a b`.
    fn product<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// `a / b`.
    fn quotient<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;

    /// The square root.
    fn root<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
}

macro_rules! number {
    (
        $number:ty, $storage:ident, $vector:ident, $vectors:ident, $vectors_mut:ident,
        $splat:ident, $root:ident, $($method:ident = $operation:ident),*
    ) => {
        impl Number for $number {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $number
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            fn entries_mut(storage: &mut CpuStorage) -> Option<&mut [Self]> {
                match storage {
                    CpuStorage::$storage(entries) => Some(entries),
                    _ => None,
                }
            }

            #[inline(always)]
            fn vectors<S: Simd>(entries: &[Self]) -> (&[S::$vector], &[Self]) {
                S::$vectors(entries)
            }

            #[inline(always)]
            fn vectors_mut<S: Simd>(entries: &mut [Self]) -> (&mut [S::$vector], &mut [Self]) {
                S::$vectors_mut(entries)
            }

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn root<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$root(a)
            }

            $(
                #[inline(always)]
                fn $method<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                    simd.$operation(a, b)
                }
            )*
        }
    };
}

number!(
    f32,
    F32,
    f32s,
    as_simd_f32s,
    as_mut_simd_f32s,
    splat_f32s,
    sqrt_f32s,
    sum = add_f32s,
    difference = sub_f32s,
    product = mul_f32s,
    quotient = div_f32s
);
number!(
    f64,
    F64,
    f64s,
    as_simd_f64s,
    as_mut_simd_f64s,
    splat_f64s,
    sqrt_f64s,
    sum = add_f64s,
    difference = sub_f64s,
    product = mul_f64s,
    quotient = div_f64s
);
