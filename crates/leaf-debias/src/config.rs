//! DebiasPL's configuration.

use leaf_core::Error;
use leaf_ssl::{Algorithm, Result, Task, bounds};

use crate::Debias;

/// DebiasPL's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DebiasConfig {
    /// How much logits are shifted (τ), 0 or more; 0 leaves the base as it is.
    pub strength: f64,
    /// How much of the running mean of predictions stays at each step (m), in `[0, 1)`.
    pub momentum: f64,
}

impl Default for DebiasConfig {
    fn default() -> Self {
        Self {
            strength: 0.4,
            momentum: 0.999,
        }
    }
}

impl DebiasConfig {
    /// A base with its pseudo-labels debiased.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn around<A: Algorithm>(&self, base: A, task: &Task) -> Result<Debias<A>> {
        bounds::not_negative("strength", self.strength)?;
        bounds::share_below_one("momentum", self.momentum)?;
        match task.num_classes {
            num_classes @ (0 | 1) => Err(Error::NumClasses { num_classes }.into()),
            num_classes => Debias::new(base, self, num_classes),
        }
    }
}
