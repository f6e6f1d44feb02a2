//! The contrastive loss without the whole matrix of similarities.
//!
//! Similarities are symmetric: only blocks on and above the diagonal are computed, and each serves its rows
//! and its columns, forward and backward.

#[allow(unsafe_code)]
mod gradient;
mod partners;
mod similarities;
mod tile;

use candle_core::{DType, Result as CandleResult, Tensor};

use super::operation::{Returned, record1};
use super::values::Values;
use crate::{ContrastiveConfig, Pairs, Result};
use gradient::{Slope, gradient};
use partners::Partners;
use similarities::{Rows, search};

/// What [`crate::contrastive`] gives, for f32 and bf16 views `(N, V, D)` in the processor's memory that are
/// not empty; `None` for others.
pub(crate) fn contrastive(
    views: &Tensor,
    pairs: Pairs<'_>,
    config: &ContrastiveConfig,
) -> Result<Option<Tensor>> {
    let dtype = views.dtype();
    let fits = views.device().is_cpu() && matches!(dtype, DType::F32 | DType::BF16);
    if !fits || views.elem_count() == 0 {
        return Ok(None);
    }
    let Some(partners) = Partners::of(pairs)? else {
        return Ok(None);
    };
    let views = views.to_dtype(DType::F32)?.contiguous()?;
    let losses = losses(&views, partners, config)?;
    Ok(Some(losses.to_dtype(dtype)?))
}

fn losses(views: &Tensor, partners: Partners, config: &ContrastiveConfig) -> Result<Tensor> {
    let (faces, num_views, dim) = views.dims3()?;
    let temperature = config.temperature;
    fn rows<'a>(values: &'a [f32], dims: (usize, usize, usize), temperature: f64) -> Rows<'a> {
        Rows {
            values,
            count: dims.0 * dims.1,
            dim: dims.2,
            views: dims.1,
            temperature,
        }
    }
    let dims = (faces, num_views, dim);
    let totals = partners.totals(faces, num_views);
    let (plan, found) = {
        let values = Values::<f32>::of(views)?;
        let rows = rows(values.slice()?, dims, temperature);
        let plan = rows.plan();
        (plan, search(&rows, &plan, &partners, views.track_op()))
    };
    // A view without partners has a sum of 0, which stays 0 over 1.
    let scale = temperature / config.base_temperature / num_views as f64;
    let per_face = totals.iter().enumerate().map(|(face, total)| {
        let over = if *total == 0. { 1. } else { *total };
        let views = face * num_views..(face + 1) * num_views;
        let of_views = views.map(|row| match *total == 0. {
            true => 0. - found.drawn[row],
            false => (total * found.log_sums[row] - found.drawn[row]) / over,
        });
        (scale * of_views.sum::<f64>()) as f32
    });
    let output = per_face.collect::<Vec<f32>>();
    let back = move |returned: Returned<'_, 1>| -> CandleResult<[Option<Tensor>; 1]> {
        let [views] = returned.arguments;
        let (values, upstream) = (
            Values::<f32>::of(views)?,
            Values::<f32>::of(returned.gradient)?,
        );
        let upstream = upstream.slice()?;
        let slope = |face: usize| {
            let (total, own) = (totals[face], scale * f64::from(upstream[face]));
            let over = if total == 0. { 1. } else { total };
            Slope {
                a: own * total / over,
                b: own / over,
            }
        };
        let slopes: Vec<Slope> = (0..faces * num_views)
            .map(|row| slope(row / num_views))
            .collect();
        let rows = rows(values.slice()?, dims, temperature);
        let dx = gradient(&rows, &plan, &partners, &found, &slopes);
        Ok([Some(Tensor::from_vec(dx, views.shape(), views.device())?)])
    };
    Ok(record1("contrast", [views], (output, faces), back)?)
}
