//! The mean over an image.

use candle_core::Tensor;
use leaf_core::Mode;

use crate::error::{Result, dims4};
use crate::pass::Pass;

/// The mean of each channel: `(N, C, H, W)` to `(N, C)`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_vision::global_average_pool;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let xs = Tensor::new(&[[[[1f32, 2.], [3., 6.]]]], &Device::Cpu)?;
/// assert_eq!(global_average_pool(&xs)?.to_vec2::<f32>()?, [[3.]]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When the input has not 4 dimensions.
pub fn global_average_pool(xs: &Tensor) -> Result<Tensor> {
    dims4("input of global_average_pool", xs)?;
    let (pass, xs) = Pass::begin(xs, Mode::Train)?;
    pass.global_average(&xs)
}
