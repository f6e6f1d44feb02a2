//! The logarithm without branches, so that a loop over it becomes vector code.

use super::exp::LN_2;

/// The bits of `√(1/2)`: numbers are taken apart into powers of two and fractions from there to `√2`.
const LOWEST_FRACTION: u32 = 0x3f35_04f3;
/// `2/3, 2/5, 2/7, 2/9`, the highest power first.
const SERIES: [f32; 4] = [2. / 9., 2. / 7., 2. / 5., 2. / 3.];

/// `ln x` within 2 units of the last digit; `-inf` for 0 and what is too small to be a normal number.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let bits = x.to_bits();
    let exponent = (bits.wrapping_sub(LOWEST_FRACTION) as i32) >> 23;
    let fraction = f32::from_bits(bits.wrapping_sub((exponent as u32) << 23));
    let (f, n) = (fraction - 1., exponent as f32);
    // ln(1 + f) = 2 artanh(s), whose first term is 2 s = f - s f.
    let s = f / (2. + f);
    let square = s * s;
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series * square + coefficient;
    }
    let value = n * LN_2[0] + (f - (s * (f - series * square) - n * LN_2[1]));
    let outside = match x >= 0. {
        true => f32::NEG_INFINITY,
        false => f32::NAN,
    };
    let value = if x >= f32::MIN_POSITIVE {
        value
    } else {
        outside
    };
    if x < f32::INFINITY { value } else { x }
}

/// `ln(1 + x)` within 3 units of the last digit, near 0 as well.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let sum = 1. + x;
    // What rounding took from the sum. Next to a very large number it is nothing.
    let lost = x - (sum - 1.);
    let exact = ln(sum) + lost / sum;
    let value = if sum > 0. { exact } else { ln(sum) };
    if x < f32::INFINITY { value } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(found: f32, wanted: f64) -> f64 {
        let unit = f64::from((wanted as f32).abs().next_up()) - f64::from((wanted as f32).abs());
        (f64::from(found) - wanted).abs() / unit
    }

    #[test]
    fn agrees_with_the_standard_library() {
        for i in -8_700..8_800 {
            let x = (i as f32 * 0.01 + 0.003).exp();
            assert!(units(ln(x), f64::from(x).ln()) < 2., "{x}: {}", ln(x));
        }
        for i in 1..40_000 {
            let x = i as f32 * 1e-4;
            assert!(units(ln(x), f64::from(x).ln()) < 2., "{x}: {}", ln(x));
        }
    }

    #[test]
    fn near_zero_it_is_its_argument() {
        for i in -8_000..8_800 {
            let x = (i as f32 * 0.01).exp();
            for x in [x, -x] {
                if x > -0.99 {
                    let wanted = f64::from(x).ln_1p();
                    assert!(units(ln_1p(x), wanted) < 3., "{x}: {}", ln_1p(x));
                }
            }
        }
    }

    #[test]
    fn the_ends_are_those_of_the_standard_library() {
        assert_eq!(
            [ln(1.), ln(0.), ln(f32::INFINITY)],
            [0., f32::NEG_INFINITY, f32::INFINITY]
        );
        assert_eq!(
            [ln_1p(0.), ln_1p(-1.), ln_1p(f32::INFINITY)],
            [0., f32::NEG_INFINITY, f32::INFINITY]
        );
        assert!(ln_1p(f32::MAX).is_finite());
        for x in [-2., f32::NAN] {
            assert!(ln(x).is_nan() && ln_1p(x).is_nan(), "{x}");
        }
    }
}
