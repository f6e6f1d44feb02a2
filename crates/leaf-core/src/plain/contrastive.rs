//! The contrastive loss by candle's operations, with the whole matrix of similarities.

use candle_core::{DType, Tensor};

use crate::log_sum_exp::log_sum_exp_over;
use crate::{ContrastiveConfig, Pairs, Result};

/// [`contrastive`](crate::contrastive) by candle's operations.
///
/// # Errors
/// Those of candle, when the shapes do not fit.
pub fn contrastive(views: &Tensor, pairs: Pairs, config: &ContrastiveConfig) -> Result<Tensor> {
    let (faces, num_views, dim) = views.dims3()?;
    if faces == 0 || num_views == 0 {
        return Ok(views.sum((1, 2))?);
    }
    // Row v * N + i is view v of face i.
    let rows = views.transpose(0, 1)?.reshape((num_views * faces, dim))?;
    let partners = partners(pairs, faces, num_views, &rows)?;
    let similarity = (rows.matmul(&rows.t()?)? / config.temperature)?;
    let others = not_self(num_views * faces, &rows)?;
    let log_probs =
        similarity.broadcast_sub(&log_sum_exp_over(&similarity, &others)?.unsqueeze(1)?)?;
    let count = partners.sum(1)?;
    // Views without partners have a sum of 0, which stays 0 over 1.
    let none = count.eq(0.)?.to_dtype(count.dtype())?;
    let attraction = ((partners * log_probs)?.sum(1)? / (count + none)?)?;
    let per_view = (attraction * (-config.temperature / config.base_temperature))?;
    Ok(per_view.reshape((num_views, faces))?.mean(0)?)
}

/// How strongly row i is drawn to row j `(VN, VN)`; never to itself.
fn partners(pairs: Pairs, faces: usize, num_views: usize, rows: &Tensor) -> Result<Tensor> {
    let (dtype, device) = (rows.dtype(), rows.device());
    let of_faces = match pairs {
        Pairs::Faces => Tensor::eye(faces, dtype, device)?,
        Pairs::Classes(classes) => {
            let column = classes.unsqueeze(1)?;
            column
                .broadcast_eq(&classes.unsqueeze(0)?)?
                .to_dtype(dtype)?
        }
        Pairs::Mask(mask) => mask.detach().to_dtype(dtype)?,
    };
    let of_rows = of_faces.repeat((num_views, num_views))?;
    Ok((of_rows * not_self(num_views * faces, rows)?.to_dtype(dtype)?)?)
}

/// 0 on the diagonal, 1 elsewhere (u8).
fn not_self(count: usize, like: &Tensor) -> Result<Tensor> {
    Ok(Tensor::eye(count, DType::U8, like.device())?.eq(0u8)?)
}
