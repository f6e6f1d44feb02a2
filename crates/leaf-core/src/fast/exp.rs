//! The exponential function without branches, so that a loop over it becomes vector code.

/// Below this the result is 0.
const LOWEST: f32 = -87.;
/// Above this the result stays as it is there.
const HIGHEST: f32 = 88.;
/// Adding and subtracting it rounds to a whole number.
const ROUND: f32 = 12_582_912.;
/// ln 2 in two parts, of which the first has few digits.
pub(super) const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// `(e^r - 1 - r) / r²` for `|r| <= ln 2 / 2`, highest power first (Cephes).
const SERIES: [f32; 6] = [
    1.987_569_1e-4,
    1.398_199_9e-3,
    8.333_452e-3,
    4.166_579_6e-2,
    0.166_666_65,
    0.5,
];

/// `e^x` within 2 units of the last digit for x in `[-87, 88]`; 0 below.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let bounded = x.clamp(LOWEST, HIGHEST);
    let shifted = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = bounded - n * LN_2[0] - n * LN_2[1];
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series * r + coefficient;
    }
    let fraction = series * r * r + r + 1.;
    // The low bits of the shifted number are n; 127 is the exponent's bias.
    let power = f32::from_bits((shifted.to_bits().wrapping_add(127)) << 23);
    let value = fraction * power;
    if x < LOWEST { 0. } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for i in -8700..=8800 {
            let x = i as f32 * 0.01 + 0.003;
            if !(-87. ..=88.).contains(&x) {
                continue;
            }
            let wanted = f64::from(x).exp();
            let error = (f64::from(exp(x)) - wanted).abs() / wanted;
            assert!(error < 2.5e-7, "{x}: {} {wanted}", exp(x));
        }
        assert_eq!(exp(0.), 1.);
        assert_eq!(exp(-200.), 0.);
        assert_eq!(exp(f32::NEG_INFINITY), 0.);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(500.).is_finite());
    }
}
