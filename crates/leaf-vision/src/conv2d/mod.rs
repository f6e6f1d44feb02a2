//! Convolution of images.

mod geometry;
mod layer;
pub(crate) mod plain;

use candle_core::Tensor;

use crate::error::Result;
pub(crate) use geometry::Geometry;
pub use layer::{Conv2d, conv2d};
use leaf_core::Mode;

/// The configuration of a [`Conv2d`] layer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Conv2dConfig {
    /// Pixels between neighboring outputs.
    pub stride: usize,
    /// Zeros on each side of the image.
    pub padding: usize,
    /// Pixels between neighboring taps of the kernel.
    pub dilation: usize,
    /// Into how many groups the channels fall; each output sees one group.
    pub groups: usize,
    /// Whether a learned number is added to each output channel. Off, because batch norm follows.
    pub bias: bool,
}

impl Default for Conv2dConfig {
    fn default() -> Self {
        Self {
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
            bias: false,
        }
    }
}

/// The convolution of images `(N, C, H, W)` with a weight `(O, C/groups, h, w)`: `(N, O, H', W')`
/// with `H' = (H + 2p - d(h - 1) - 1)/s + 1`.
///
/// It is a [`Pass`](crate::Pass) of one layer: on the processor, f32 takes kernels whose backward pass
/// is many times as fast as candle's; everything else takes candle's own operations, which are also
/// what the tests compare with.
///
/// # Errors
/// When a shape does not fit or the kernel is larger than the padded image.
pub fn convolve(xs: &Tensor, weight: &Tensor, config: &Conv2dConfig) -> Result<Tensor> {
    let config = Conv2dConfig {
        bias: false,
        ..config.clone()
    };
    Conv2d::new(weight.clone(), None, config)?.forward(xs, Mode::Train)
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use proptest::prelude::*;

    use super::*;
    use crate::finite_difference;

    fn draw(seed: u64, (a, b, c, d): (usize, usize, usize, usize)) -> Result<Var> {
        finite_difference::normal(seed, &[a, b, c, d])
    }

    /// Output and both gradients of the sum of squares.
    fn results(
        run: impl Fn(&Tensor, &Tensor, &Conv2dConfig) -> Result<Tensor>,
        xs: &Var,
        weight: &Var,
        config: &Conv2dConfig,
    ) -> Result<[Tensor; 3]> {
        let ys = run(xs, weight, config)?;
        let gradients = ys.sqr()?.sum_all()?.backward()?;
        let of = |var: &Var| gradients.get(var).cloned().expect("a gradient");
        Ok([ys, of(xs), of(weight)])
    }

    fn by_candle(xs: &Tensor, weight: &Tensor, config: &Conv2dConfig) -> Result<Tensor> {
        plain::convolve(xs, weight, config, &Geometry::new(xs, weight, config)?)
    }

    fn tap_by_tap(xs: &Tensor, weight: &Tensor, config: &Conv2dConfig) -> Result<Tensor> {
        plain::tap_by_tap(xs, weight, config, &Geometry::new(xs, weight, config)?)
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> Result<f64> {
        assert_eq!(a.dims(), b.dims());
        Ok((a - b)?.abs()?.max_all()?.to_scalar()?)
    }

    proptest! {
        #[test]
        fn equals_the_plain_twins(
            images in 1usize..4,
            group_channels in 1usize..4,
            group_outputs in 1usize..4,
            groups in 1usize..3,
            (height, width) in (1usize..12, 1usize..12),
            (kernel_height, kernel_width) in (1usize..4, 1usize..4),
            stride in 1usize..4,
            padding in 0usize..4,
            dilation in 1usize..3,
            seed: u64,
        ) {
            let config = Conv2dConfig { stride, padding, dilation, groups, bias: false };
            let xs = draw(seed, (images, group_channels * groups, height, width))?;
            let weight = draw(
                !seed,
                (group_outputs * groups, group_channels, kernel_height, kernel_width),
            )?;
            let fits = |size: usize, kernel| config.out_size(size, kernel).is_ok();
            if !fits(height, kernel_height) || !fits(width, kernel_width) {
                prop_assert!(convolve(&xs, &weight, &config).is_err());
                return Ok(());
            }
            let ours = results(convolve, &xs, &weight, &config)?;
            let taps = results(tap_by_tap, &xs, &weight, &config)?;
            let candles = results(by_candle, &xs, &weight, &config)?;
            for (ours, (taps, candles)) in ours.iter().zip(taps.iter().zip(&candles)) {
                prop_assert!(largest_difference(ours, taps)? < 1e-9);
                prop_assert!(largest_difference(ours, candles)? < 1e-9);
            }
        }
    }

    #[test]
    fn gradients_are_differences() -> Result<()> {
        for (stride, padding, dilation, groups) in [(1, 1, 1, 1), (2, 1, 1, 2), (2, 3, 2, 1)] {
            let config = Conv2dConfig {
                stride,
                padding,
                dilation,
                groups,
                bias: false,
            };
            let xs = draw(1, (2, 2 * groups, 6, 5))?;
            let weight = draw(2, (3 * groups, 2, 3, 3))?;
            finite_difference::check(&[&xs, &weight], || convolve(&xs, &weight, &config))?;
        }
        Ok(())
    }

    #[test]
    fn many_images_on_small_maps_are_taken_together() -> Result<()> {
        let (xs, weight) = (draw(1, (70, 3, 5, 4))?, draw(2, (6, 3, 3, 3))?);
        let config = Conv2dConfig {
            stride: 2,
            padding: 1,
            ..Default::default()
        };
        let ours = results(convolve, &xs, &weight, &config)?;
        let theirs = results(by_candle, &xs, &weight, &config)?;
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(largest_difference(ours, theirs)? < 1e-9);
        }
        Ok(())
    }

    #[test]
    fn views_are_read_in_their_order() -> Result<()> {
        let (xs, weight) = (draw(1, (2, 3, 6, 7))?, draw(2, (3, 4, 3, 3))?);
        let (xs, weight) = (xs.transpose(2, 3)?, weight.transpose(0, 1)?);
        let config = Conv2dConfig::default();
        let ours = convolve(&xs, &weight, &config)?;
        let theirs = by_candle(&xs.contiguous()?, &weight.contiguous()?, &config)?;
        assert!(largest_difference(&ours, &theirs)? < 1e-12);
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let (xs, weight) = (draw(1, (2, 3, 4, 5))?, draw(2, (4, 2, 3, 3))?);
        let wrong = |config: Conv2dConfig| match convolve(&xs, &weight, &config) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        };
        let base = Conv2dConfig::default();
        assert_eq!(
            wrong(base.clone()),
            "input of conv2d has shape [2, 3, 4, 5], expected (N, 2, H, W)"
        );
        assert_eq!(
            wrong(Conv2dConfig { stride: 0, ..base }),
            "stride = 0, expected at least 1"
        );
        let large = draw(3, (4, 3, 6, 3))?;
        let error = convolve(&xs, &large, &Conv2dConfig::default()).unwrap_err();
        assert_eq!(error.to_string(), "size = 4, expected at least 6");
        Ok(())
    }
}
