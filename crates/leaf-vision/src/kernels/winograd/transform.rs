//! The transformations of F(4x4, 3x3): four outputs a side from six inputs and three taps.
//!
//! With the matrices of A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks",
//! CVPR 2016, section 4.1, an output tile is `A' ((G g G') * (B' d B)) A`, where `*` multiplies
//! entry by entry. The weight's gradient is `G' ((B' d B) * (A dy A')) G`.

use pulp::Simd;

use crate::kernels::simd::fma;

/// Outputs along a side of a tile.
pub(super) const OUT: usize = 4;
/// Inputs along a side of a tile.
pub(super) const IN: usize = 6;
/// Products of a tile.
pub(super) const POINTS: usize = IN * IN;

/// `B' d`.
#[inline(always)]
pub(super) fn input<S: Simd>(simd: S, d: [S::f32s; 6]) -> [S::f32s; 6] {
    let a = fma(simd, simd.splat_f32s(-4.), d[2], d[4]);
    let b = fma(simd, simd.splat_f32s(-4.), d[1], d[3]);
    let e = simd.sub_f32s(d[4], d[2]);
    let f = simd.mul_f32s(simd.splat_f32s(2.), simd.sub_f32s(d[3], d[1]));
    [
        fma(
            simd,
            simd.splat_f32s(4.),
            d[0],
            fma(simd, simd.splat_f32s(-5.), d[2], d[4]),
        ),
        simd.add_f32s(a, b),
        simd.sub_f32s(a, b),
        simd.add_f32s(e, f),
        simd.sub_f32s(e, f),
        fma(
            simd,
            simd.splat_f32s(4.),
            d[1],
            fma(simd, simd.splat_f32s(-5.), d[3], d[5]),
        ),
    ]
}

/// `A' m`.
#[inline(always)]
pub(super) fn output<S: Simd>(simd: S, m: [S::f32s; 6]) -> [S::f32s; 4] {
    let s = simd.add_f32s(m[1], m[2]);
    let d = simd.sub_f32s(m[1], m[2]);
    let u = simd.add_f32s(m[3], m[4]);
    let v = simd.sub_f32s(m[3], m[4]);
    [
        simd.add_f32s(simd.add_f32s(m[0], s), u),
        fma(simd, simd.splat_f32s(2.), v, d),
        fma(simd, simd.splat_f32s(4.), u, s),
        simd.add_f32s(fma(simd, simd.splat_f32s(8.), v, d), m[5]),
    ]
}

/// `A y`.
#[inline(always)]
pub(super) fn output_gradient<S: Simd>(simd: S, y: [S::f32s; 4]) -> [S::f32s; 6] {
    let even = simd.add_f32s(y[0], y[2]);
    let odd = simd.add_f32s(y[1], y[3]);
    let even4 = fma(simd, simd.splat_f32s(4.), y[2], y[0]);
    let odd4 = fma(
        simd,
        simd.splat_f32s(8.),
        y[3],
        simd.mul_f32s(simd.splat_f32s(2.), y[1]),
    );
    [
        y[0],
        simd.add_f32s(even, odd),
        simd.sub_f32s(even, odd),
        simd.add_f32s(even4, odd4),
        simd.sub_f32s(even4, odd4),
        y[3],
    ]
}

/// `G g`.
#[inline(always)]
pub(super) fn weight<S: Simd>(simd: S, g: [S::f32s; 3]) -> [S::f32s; 6] {
    let even = simd.mul_f32s(simd.splat_f32s(-1. / 6.), simd.add_f32s(g[0], g[2]));
    let odd = simd.mul_f32s(simd.splat_f32s(1. / 6.), g[1]);
    let even4 = fma(
        simd,
        simd.splat_f32s(1. / 24.),
        g[0],
        simd.mul_f32s(simd.splat_f32s(1. / 6.), g[2]),
    );
    let odd4 = simd.mul_f32s(simd.splat_f32s(1. / 12.), g[1]);
    [
        simd.mul_f32s(simd.splat_f32s(0.25), g[0]),
        simd.sub_f32s(even, odd),
        simd.add_f32s(even, odd),
        simd.add_f32s(even4, odd4),
        simd.sub_f32s(even4, odd4),
        g[2],
    ]
}

/// `G' u`.
#[inline(always)]
pub(super) fn weight_gradient<S: Simd>(simd: S, u: [S::f32s; 6]) -> [S::f32s; 3] {
    let s = simd.add_f32s(u[1], u[2]);
    let d = simd.sub_f32s(u[2], u[1]);
    let s4 = simd.add_f32s(u[3], u[4]);
    let d4 = simd.sub_f32s(u[3], u[4]);
    let sixth = |value| simd.mul_f32s(simd.splat_f32s(1. / 6.), value);
    let middle = fma(simd, simd.splat_f32s(0.5), d4, d);
    [
        fma(
            simd,
            simd.splat_f32s(0.25),
            u[0],
            sixth(fma(
                simd,
                simd.splat_f32s(0.25),
                s4,
                simd.sub_f32s(simd.splat_f32s(0.), s),
            )),
        ),
        sixth(middle),
        simd.add_f32s(sixth(simd.sub_f32s(s4, s)), u[5]),
    ]
}
