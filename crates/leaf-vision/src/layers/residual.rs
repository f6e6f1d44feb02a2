//! A layer beside which its input goes on.

use crate::error::Result;
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Map, Pass};

/// `x + layer(x)`, for a layer that keeps the shape.
#[derive(Clone, Debug)]
pub struct Residual<L>(pub L);

impl<L: MapLayer> MapLayer for Residual<L> {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let ys = self.0.forward_map(xs, pass)?;
        pass.add(xs, &ys)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        let out_channels = self.0.out_channels(in_channels)?;
        same_channels(out_channels, in_channels)?;
        Ok(out_channels)
    }
}
