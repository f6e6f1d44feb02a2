//! The largest pixel of each window.

pub(crate) mod plain;
mod window;

use candle_core::Tensor;

use crate::error::{Error, Result, dims4, positive};
use crate::pass::Pass;
use leaf_core::Mode;
pub(crate) use window::Window;

/// The largest value of each window: `(N, C, H, W)` to `(N, C, H', W')` with
/// `H' = (H + 2 padding - kernel)/stride + 1`.
///
/// The gradient goes to the window's largest value, to the first one of equals as in PyTorch, for
/// every kernel, stride and padding (candle's own is too small and refuses overlapping windows).
/// On other devices than the processor, equal values share it.
///
/// ```
/// use candle_core::{Device, Var};
/// use leaf_vision::max_pool2d;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let xs = Var::new(&[[[[1f32, 5., 2.], [4., 3., 0.], [7., 6., 8.]]]], &Device::Cpu)?;
/// let ys = max_pool2d(&xs, 3, 2, 1)?;
/// assert_eq!(ys.flatten_all()?.to_vec1::<f32>()?, [5., 5., 7., 8.]);
/// let gradients = ys.sum_all()?.backward()?;
/// let gradient = gradients.get(&xs).expect("xs is a variable");
/// assert_eq!(gradient.flatten_all()?.to_vec1::<f32>()?, [0., 2., 0., 0., 0., 0., 1., 0., 1.]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When kernel or stride is 0, the kernel is above 255, the padding exceeds half the kernel (a window could lie outside the
/// image), or the kernel exceeds the padded image.
pub fn max_pool2d(xs: &Tensor, kernel: usize, stride: usize, padding: usize) -> Result<Tensor> {
    dims4("input of max_pool2d", xs)?;
    let (mut pass, xs) = Pass::begin(xs, Mode::Train)?;
    let ys = pass.max_pool2d(&xs, kernel, stride, padding)?;
    pass.finish(&ys)
}

/// The tap that won is kept as a number of 16 bits.
const LARGEST_KERNEL: usize = 255;

impl Window {
    pub(crate) fn new(
        (height, width): (usize, usize),
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        positive("kernel", kernel)?;
        positive("stride", stride)?;
        if kernel > LARGEST_KERNEL {
            return Err(Error::OutOfRange {
                field: "kernel",
                value: kernel,
                expected: format!("at most {LARGEST_KERNEL}"),
            });
        }
        if padding > kernel / 2 {
            return Err(Error::OutOfRange {
                field: "padding",
                value: padding,
                expected: format!("at most half the kernel = {kernel}"),
            });
        }
        let out_size = |size: usize| {
            let min_size = kernel.saturating_sub(2 * padding).max(1);
            match size >= min_size {
                true => Ok((size + 2 * padding - kernel) / stride + 1),
                false => Err(Error::TooSmall { size, min_size }),
            }
        };
        Ok(Self {
            height,
            width,
            out_height: out_size(height)?,
            out_width: out_size(width)?,
            kernel,
            stride,
            padding,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use candle_core::{Device, Var};
    use leaf_core::Random;
    use proptest::prelude::*;

    use super::*;
    use crate::finite_difference;

    /// All values differ, so that no rule for ties matters.
    pub(crate) fn permutation(seed: u64, shape: (usize, usize, usize, usize)) -> Result<Var> {
        let (n, c, h, w) = shape;
        let mut values: Vec<f64> = (0..n * c * h * w).map(|i| i as f64 / 8. - 9.).collect();
        Random::new(seed).shuffle(&mut values);
        Ok(Var::from_vec(values, shape, &Device::Cpu)?)
    }

    fn results(xs: &Var, pool: impl Fn(&Tensor) -> Result<Tensor>) -> Result<[Vec<f64>; 2]> {
        let ys = pool(xs)?;
        let gradients = ys.sqr()?.sum_all()?.backward()?;
        let gradient = gradients.get(xs).expect("a gradient");
        let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1();
        Ok([values(&ys)?, values(gradient)?])
    }

    proptest! {
        #[test]
        fn equals_the_plain_twin(
            images in 1usize..3,
            channels in 1usize..4,
            (height, width) in (1usize..12, 1usize..12),
            (kernel, padding) in (1usize..6).prop_flat_map(|k| (Just(k), 0..=k / 2)),
            stride in 1usize..5,
            seed: u64,
        ) {
            let xs = permutation(seed, (images, channels, height, width))?;
            let Ok(window) = Window::new((height, width), kernel, stride, padding) else {
                prop_assert!(height.min(width) + 2 * padding < kernel);
                return Ok(());
            };
            let ours = results(&xs, |xs| max_pool2d(xs, kernel, stride, padding))?;
            let theirs = results(&xs, |xs| plain::max_pool2d(xs, &window))?;
            prop_assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn gradients_are_differences() -> Result<()> {
        for (kernel, stride, padding) in [(3, 2, 1), (2, 2, 0), (3, 1, 1), (5, 3, 2)] {
            let xs = permutation(1, (2, 2, 7, 6))?;
            finite_difference::check(&[&xs], || max_pool2d(&xs, kernel, stride, padding))?;
        }
        Ok(())
    }

    #[test]
    fn the_first_of_equals_takes_the_gradient() -> Result<()> {
        let xs = Var::new(&[[[[2f32, 2.], [2., 2.]]]], &Device::Cpu)?;
        let gradients = max_pool2d(&xs, 2, 2, 0)?.sum_all()?.backward()?;
        let gradient = gradients.get(&xs).expect("a gradient");
        assert_eq!(gradient.flatten_all()?.to_vec1::<f32>()?, [1., 0., 0., 0.]);
        Ok(())
    }

    #[test]
    fn a_value_that_is_no_number_is_not_hidden() -> Result<()> {
        let xs = Var::new(&[[[[2f32, f32::NAN], [3., 2.]]]], &Device::Cpu)?;
        let ys = max_pool2d(&xs, 2, 2, 0)?.flatten_all()?.to_vec1::<f32>()?;
        assert!(ys[0].is_nan());
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let xs = permutation(0, (1, 1, 2, 4))?;
        let wrong = |kernel, stride, padding| {
            let result = max_pool2d(&xs, kernel, stride, padding);
            result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
        };
        assert_eq!(wrong(0, 1, 0), "kernel = 0, expected at least 1");
        assert_eq!(wrong(2, 0, 0), "stride = 0, expected at least 1");
        assert_eq!(
            wrong(3, 1, 2),
            "padding = 2, expected at most half the kernel = 3"
        );
        assert_eq!(wrong(3, 1, 0), "size = 2, expected at least 3");
        Ok(())
    }
}
