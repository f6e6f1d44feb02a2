//! 3x3 convolutions of stride 1 by F(4x4, 3x3): 36 products where the direct way takes 144.

mod convolve;
mod tiles;
mod transform;
mod weight_gradient;
pub(crate) mod weights;

pub(crate) use convolve::convolve;
use tiles::Grid;
pub(crate) use weight_gradient::weight_gradient;

/// Tiles that go through all phases together when there are many channels: what is read again stays
/// in the last cache.
const TOGETHER: usize = 256;

/// Maps `(images, height, width)` of a convolution from `inputs` to `outputs` channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) images: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Shape {
    fn grid(&self) -> Grid {
        Grid {
            images: self.images,
            height: self.height,
            width: self.width,
        }
    }
}

/// Tiles that one task transforms.
const PART: usize = 8;
