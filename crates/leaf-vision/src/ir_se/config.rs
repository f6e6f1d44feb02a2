//! Which network of face recognition.

use crate::error::{Error, Result, positive};

/// The configuration of an [`IrSeNet`](super::IrSeNet).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct IrSeConfig {
    /// Channels of the images.
    pub in_channels: usize,
    /// The side of the images, which the last layer is made for.
    pub size: usize,
    /// Channels of each stage; the stem has as many as the first. Each stage halves the side.
    pub widths: Vec<usize>,
    /// Units of each stage.
    pub units: Vec<usize>,
    /// By how much squeeze-and-excitation narrows the channels.
    pub reduction: usize,
    /// The width of the features.
    pub feature_dim: usize,
}

impl Default for IrSeConfig {
    /// [`IrSeConfig::ir_se50`].
    fn default() -> Self {
        Self::ir_se50()
    }
}

impl IrSeConfig {
    /// IR-SE-50: aligned color faces of 112 pixels, features of width 512.
    pub fn ir_se50() -> Self {
        Self {
            in_channels: 3,
            size: 112,
            widths: vec![64, 128, 256, 512],
            units: vec![3, 4, 14, 3],
            reduction: 16,
            feature_dim: 512,
        }
    }

    /// The side of the last map.
    pub(super) fn last_side(&self) -> usize {
        // A stride of 2 rounds up.
        self.widths
            .iter()
            .fold(self.size, |side, _| side.div_ceil(2))
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("in_channels", self.in_channels)?;
        positive("size", self.size)?;
        positive("feature_dim", self.feature_dim)?;
        positive("number of widths", self.widths.len())?;
        if self.units.len() != self.widths.len() {
            return Err(Error::OutOfRange {
                field: "number of units",
                value: self.units.len(),
                expected: format!("one for each of the {} widths", self.widths.len()),
            });
        }
        for (width, units) in self.widths.iter().zip(&self.units) {
            positive("widths", *width)?;
            positive("units", *units)?;
        }
        Ok(())
    }
}
