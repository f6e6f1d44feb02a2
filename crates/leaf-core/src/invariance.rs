//! How far two views of a face lie apart.

use candle_core::Tensor;

use crate::{Error, Result};

/// The squared distance between two views' features, a face `(N,)`: features `(N, D)` each.
///
/// `l_i = ||a_i - b_i||^2`, for features of unit length `2 (1 - cos)`. Both views get its gradient:
/// what one of them has and the other lacks is of the view, not of the face's expression, and is given
/// up from both sides. Alone it is least where all features are equal; a loss of labelled faces beside it
/// holds the classes apart.
///
/// Source: A. Bardes et al., "VICReg", ICLR 2022, equation 5; on features of unit length J.-B. Grill et al.,
/// "Bootstrap your own latent", NeurIPS 2020, equation 2.
///
/// ```
/// use candle_core::{Device, Tensor};
///
/// # fn main() -> leaf_core::Result<()> {
/// let weak = Tensor::new(&[[1f32, 2.], [0., 0.]], &Device::Cpu)?;
/// let strong = Tensor::new(&[[1f32, 4.], [0., 0.]], &Device::Cpu)?;
/// assert_eq!(leaf_core::invariance(&weak, &strong)?.to_vec1::<f32>()?, [4., 0.]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`Error::Shape`] unless both are `(N, D)`.
pub fn invariance(first: &Tensor, second: &Tensor) -> Result<Tensor> {
    first.dims2().map_err(|_| Error::Shape {
        what: "features of the first view",
        expected: "(N, D)".to_owned(),
        found: first.dims().to_vec(),
    })?;
    if first.dims() != second.dims() {
        return Err(Error::Shape {
            what: "features of the second view",
            expected: format!("{:?}", first.dims()),
            found: second.dims().to_vec(),
        });
    }
    Ok((first - second)?.sqr()?.sum(1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn views_of_other_shapes_are_refused() -> Result<()> {
        let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu);
        let error = invariance(&zeros(&[2])?, &zeros(&[2])?).unwrap_err();
        assert!(error.to_string().contains("first view"), "{error}");
        let error = invariance(&zeros(&[2, 3])?, &zeros(&[2, 4])?).unwrap_err();
        assert!(error.to_string().contains("[2, 3]"), "{error}");
        assert_eq!(invariance(&zeros(&[0, 3])?, &zeros(&[0, 3])?)?.dims(), [0]);
        Ok(())
    }
}
