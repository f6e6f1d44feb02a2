//! The layers that are passes of their own elsewhere, as layers over maps.

use crate::batch_norm::BatchNorm2d;
use crate::conv2d::Conv2d;
use crate::error::Result;
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Activation, Map, Pass};

impl MapLayer for Conv2d {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.convolve(xs, self)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        let (out_channels, group, ..) = crate::error::dims4("weight of conv2d", self.weight())?;
        same_channels(in_channels, group * self.config().groups)?;
        Ok(out_channels)
    }
}

impl MapLayer for BatchNorm2d {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.normalize(xs, self, None, Activation::Identity)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.weight().elem_count())?;
        Ok(in_channels)
    }
}

impl MapLayer for Activation {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        pass.activate(xs, *self)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        Ok(in_channels)
    }
}
