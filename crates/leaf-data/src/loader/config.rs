//! What the loader serves.

use serde::{Deserialize, Serialize};

use super::faces::CACHE_MB;
use crate::face::{Color, MAX_SIDE};
use crate::{AugmentConfig, Augmentation, Error, Normalization, Result};

/// How faces become tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageConfig {
    /// Height and width in pixels.
    pub size: usize,
    /// Gray or color.
    pub color: Color,
    /// How levels become numbers; `None` is mean and deviation 0.5 in each channel.
    #[serde(with = "leaf_core::switch")]
    pub normalization: Option<Normalization>,
}

impl Default for ImageConfig {
    /// Gray, 32 pixels, numbers from -1 to 1.
    fn default() -> Self {
        Self {
            size: 32,
            color: Color::Gray,
            normalization: None,
        }
    }
}

/// A smaller face shows no expression.
const SMALLEST: usize = 8;

impl ImageConfig {
    /// The normalization that is used.
    pub fn normalization(&self) -> Normalization {
        self.normalization
            .clone()
            .unwrap_or_else(|| Normalization::half(self.color))
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(SMALLEST..=MAX_SIDE as usize).contains(&self.size) {
            let value = self.size as f64;
            return Err(Error::OutOfRange {
                field: "size",
                value,
                expected: "8 to 16384 pixels",
            });
        }
        self.normalization().check(self.color)
    }
}

/// How batches are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoaderConfig {
    /// Labeled faces of a batch, B.
    pub batch_size: usize,
    /// Unlabeled faces for each labeled one: a batch has `mu * B`.
    pub mu: usize,
    /// How views differ from their face.
    pub augment: AugmentConfig,
    /// Threads that prepare batches; `None` is as many as the machine runs at once. It changes no
    /// number.
    #[serde(with = "leaf_core::switch")]
    pub threads: Option<usize>,
    /// Megabytes of decoded faces that are kept of each list, for [`crate::Faces::with_cache`]; 0 decodes each face
    /// whenever it is used. It changes no number.
    pub cache_mb: usize,
}

impl Default for LoaderConfig {
    /// 21 labeled and 42 unlabeled faces, as many threads as the machine has.
    fn default() -> Self {
        Self {
            batch_size: 21,
            mu: 2,
            augment: AugmentConfig::default(),
            threads: None,
            cache_mb: CACHE_MB,
        }
    }
}

/// Larger numbers are taken for mistakes, before memory is.
const LARGEST_BATCH: usize = 1 << 20;
const MOST_THREADS: usize = 1024;

impl LoaderConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for the first that is out of its bounds.
    pub fn check(&self) -> Result<()> {
        Augmentation::new(self.augment.clone())?;
        let largest = LARGEST_BATCH;
        within("batch_size", self.batch_size, largest, "1 to 1048576")?;
        within(
            "mu",
            self.mu,
            largest / self.batch_size,
            "at least 1, and mu * batch_size at most 1048576",
        )?;
        match self.threads {
            Some(threads) => within("threads", threads, MOST_THREADS, "1 to 1024"),
            None => Ok(()),
        }
    }
}

fn within(field: &'static str, value: usize, most: usize, expected: &'static str) -> Result<()> {
    if (1..=most).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value: value as f64,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_bounds_are_named() {
        let size = ImageConfig {
            size: 3,
            ..Default::default()
        };
        assert_eq!(
            size.check().unwrap_err().to_string(),
            "size = 3, expected 8 to 16384 pixels"
        );
        let check = |config: LoaderConfig| config.check().map_err(|error| error.to_string());
        assert_eq!(check(LoaderConfig::default()), Ok(()));
        let batch = LoaderConfig {
            batch_size: 0,
            ..Default::default()
        };
        assert_eq!(
            check(batch),
            Err("batch_size = 0, expected 1 to 1048576".into())
        );
        let mu = LoaderConfig {
            mu: usize::MAX,
            ..Default::default()
        };
        assert!(check(mu).unwrap_err().starts_with("mu = "));
        let threads = LoaderConfig {
            threads: Some(0),
            ..Default::default()
        };
        assert_eq!(
            check(threads),
            Err("threads = 0, expected 1 to 1024".into())
        );
    }
}
