//! What happens to an output while it is still in the cache.

use pulp::Simd;

use super::simd::{fma, load_some, store_some};

/// `f(scale y + shift + residual)`, each part optional; `f` multiplies what is below 0 by `slope`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epilogue<'a> {
    /// One number a channel.
    pub(crate) scale: Option<&'a [f32]>,
    /// One number a channel.
    pub(crate) shift: Option<&'a [f32]>,
    /// Laid out as the output.
    pub(crate) residual: Option<&'a [f32]>,
    /// 1 for none, 0 for the rectifier.
    pub(crate) slope: f32,
}

impl Epilogue<'_> {
    /// Nothing happens.
    pub(crate) const NONE: Epilogue<'static> = Epilogue {
        scale: None,
        shift: None,
        residual: None,
        slope: 1.,
    };

    pub(super) fn is_empty(&self) -> bool {
        let none = self.scale.is_none() && self.shift.is_none() && self.residual.is_none();
        none && self.slope == 1.
    }

    /// Changes some channels of a pixel: from which channel on, and where they begin in the output.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, ys: &mut [f32], channel: usize, place: usize) {
        let count = ys.len();
        let of = |all: Option<&'_ [f32]>, at: usize| -> *const f32 {
            all.map_or(std::ptr::null(), |all| all[at..][..count].as_ptr())
        };
        let (scale, shift) = (of(self.scale, channel), of(self.shift, channel));
        let residual = of(self.residual, place);
        let slope = simd.splat_f32s(self.slope);
        let zero = simd.splat_f32s(0.);
        let (one, lanes) = (simd.splat_f32s(1.), S::F32_LANES);
        for (i, ys) in ys.chunks_mut(lanes).enumerate() {
            let part = |from: *const f32, otherwise: S::f32s| match from.is_null() {
                true => otherwise,
                // SAFETY: the slices were cut to `count` above, and this chunk lies inside.
                false => load_some(simd, unsafe {
                    std::slice::from_raw_parts(from.add(i * lanes), ys.len())
                }),
            };
            let mut y = load_some(simd, ys);
            y = fma(simd, y, part(scale, one), part(shift, zero));
            y = simd.add_f32s(y, part(residual, zero));
            y = rectified(simd, y, slope);
            store_some(simd, ys, y);
        }
    }
}

/// `y` where it is above 0, `slope y` elsewhere. What is no number stays none.
#[inline(always)]
pub(super) fn rectified<S: Simd>(simd: S, y: S::f32s, slope: S::f32s) -> S::f32s {
    let below = simd.less_than_f32s(y, simd.splat_f32s(0.));
    simd.select_f32s(below, simd.mul_f32s(y, slope), y)
}
