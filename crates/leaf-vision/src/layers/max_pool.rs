//! A max-pool as a layer.

use crate::error::Result;
use crate::map_layer::MapLayer;
use crate::pass::{Map, Pass};

/// The largest value of each window, see [`crate::max_pool2d`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// The window's side.
    pub kernel: usize,
    /// The step from window to window.
    pub stride: usize,
    /// How far windows reach over the edge.
    pub padding: usize,
}

impl MapLayer for MaxPool2d {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.max_pool2d(xs, self.kernel, self.stride, self.padding)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        Ok(in_channels)
    }
}
