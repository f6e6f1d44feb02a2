//! Which rows are drawn to which, by the faces that they show.

use std::ops::Range;

use candle_core::DType;

use super::super::values::Values;
use crate::{Pairs, Result};

/// How strongly views of one face are drawn to those of another.
#[derive(Debug)]
pub(super) enum Partners {
    Faces,
    Classes(Vec<i64>),
    /// `(N, N)`.
    Mask(Vec<f32>),
}

impl Partners {
    /// `None` for classes of a type that is seldom used for them, and on a device.
    pub(super) fn of(pairs: Pairs<'_>) -> Result<Option<Self>> {
        let (Pairs::Classes(tensor) | Pairs::Mask(tensor)) = pairs else {
            return Ok(Some(Self::Faces));
        };
        if !tensor.device().is_cpu() {
            return Ok(None);
        }
        if let Pairs::Mask(mask) = pairs {
            let mask = mask.to_dtype(DType::F32)?.contiguous()?;
            let values = Values::<f32>::of(&mask)?;
            return Ok(Some(Self::Mask(values.slice()?.to_vec())));
        }
        Ok(match tensor.dtype() {
            DType::U8 | DType::U32 | DType::I64 => {
                Some(Self::Classes(tensor.to_dtype(DType::I64)?.to_vec1()?))
            }
            _ => None,
        })
    }

    /// How strongly face i is drawn to face j.
    #[inline(always)]
    pub(super) fn weight(&self, i: usize, j: usize, faces: usize) -> f32 {
        match self {
            Self::Faces => f32::from(u8::from(i == j)),
            Self::Classes(classes) => f32::from(u8::from(classes[i] == classes[j])),
            Self::Mask(mask) => mask[i * faces + j],
        }
    }

    /// Whether any of these faces may be drawn to any of those.
    pub(super) fn meet(&self, these: &Range<usize>, those: &Range<usize>) -> bool {
        match self {
            Self::Faces => these.start < those.end && those.start < these.end,
            Self::Classes(_) | Self::Mask(_) => true,
        }
    }

    /// The sum of each face's weights over all views but a view itself `(N,)`.
    pub(super) fn totals(&self, faces: usize, views: usize) -> Vec<f64> {
        let views = views as f64;
        let total = |i: usize| match self {
            Self::Faces => views - 1.,
            Self::Classes(classes) => {
                let alike = classes.iter().filter(|class| **class == classes[i]);
                views * alike.count() as f64 - 1.
            }
            Self::Mask(mask) => {
                let row = &mask[i * faces..][..faces];
                let sum: f64 = row.iter().map(|weight| f64::from(*weight)).sum();
                views * sum - f64::from(row[i])
            }
        };
        (0..faces).map(total).collect()
    }
}
