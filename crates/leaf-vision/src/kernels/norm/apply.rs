//! The normalization itself.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::Rows;
use crate::kernels::epilogue::rectified;
use crate::kernels::simd::{Isa, fma, load_some, store_some};

/// `y = f(scale x + shift + residual)` with numbers for each channel.
pub(crate) fn apply(
    isa: Isa,
    xs: &[f32],
    residual: Option<&[f32]>,
    (scale, shift): (&[f32], &[f32]),
    slope: f32,
    ys: &mut [f32],
) {
    let rows = Rows::new(xs.len(), scale.len());
    let (scale, shift) = (rows.repeated(scale), rows.repeated(shift));
    ys.par_chunks_mut(rows.task)
        .zip(xs.par_chunks(rows.task))
        .enumerate()
        .for_each(|(i, (ys, xs))| {
            let residual = residual.map(|all| &all[i * rows.task..][..xs.len()]);
            isa.run(Affine {
                xs,
                residual,
                scale: &scale,
                shift: &shift,
                slope,
                ys,
            });
        });
}

struct Affine<'a> {
    xs: &'a [f32],
    residual: Option<&'a [f32]>,
    scale: &'a [f32],
    shift: &'a [f32],
    slope: f32,
    ys: &'a mut [f32],
}

impl WithSimd for Affine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let row = self.scale.len();
        let slope = simd.splat_f32s(self.slope);
        for (i, (ys, xs)) in self.ys.chunks_mut(row).zip(self.xs.chunks(row)).enumerate() {
            let residual = self.residual.map(|all| &all[i * row..][..row]);
            for at in (0..row).step_by(S::F32_LANES) {
                let span = at..row.min(at + S::F32_LANES);
                let part = |from: &[f32]| load_some(simd, &from[span.clone()]);
                let mut y = fma(simd, part(xs), part(self.scale), part(self.shift));
                if let Some(residual) = residual {
                    y = simd.add_f32s(y, part(residual));
                }
                if self.slope != 1. {
                    y = rectified(simd, y, slope);
                }
                store_some(simd, &mut ys[span], y);
            }
        }
    }
}
