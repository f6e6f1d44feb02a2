//! What a layer over maps must offer.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::pass::{Map, Pass};

/// A layer of a network: takes a [`Map`] within a [`Pass`] and gives another. Blocks are layers too.
///
/// ```
/// use leaf_vision::{Map, MapLayer, Pass, Result};
///
/// /// Twice its input.
/// #[derive(Debug)]
/// struct Double;
///
/// impl MapLayer for Double {
///     fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
///         pass.add(xs, xs)
///     }
///
///     fn out_channels(&self, in_channels: usize) -> Result<usize> {
///         Ok(in_channels)
///     }
/// }
/// ```
pub trait MapLayer: std::fmt::Debug + Send + Sync {
    /// The map `(N, C, H, W)` to the next.
    ///
    /// # Errors
    /// When the map does not fit.
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map>;

    /// How many channels it gives for that many; asked once, where the network is built.
    ///
    /// # Errors
    /// When the layer does not take that many.
    fn out_channels(&self, in_channels: usize) -> Result<usize>;
}

impl<T: MapLayer + ?Sized> MapLayer for Box<T> {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        (**self).forward_map(xs, pass)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        (**self).out_channels(in_channels)
    }
}

impl<T: MapLayer + ?Sized> MapLayer for Arc<T> {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        (**self).forward_map(xs, pass)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        (**self).out_channels(in_channels)
    }
}

/// Fails unless a layer that takes `expected` channels is given as many.
pub(crate) fn same_channels(found: usize, expected: usize) -> Result<()> {
    if found != expected {
        return Err(Error::OutOfRange {
            field: "channels before a layer",
            value: found,
            expected: format!("{expected}, which the layer takes"),
        });
    }
    Ok(())
}
