//! Distribution alignment by the mean of the last batches, as CoMatch and SimMatch do it.
//!
//! Source: J. Li et al., "CoMatch", ICCV 2021, which takes it from ReMixMatch, with the queue of USB.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Alignment, AlignmentTarget, Error};

use crate::alignment::{scaled, shares_of};
use crate::{Probs, Result, State, Stateful, bounds, state_entry};

/// The saved entry.
const MEANS: &str = "p_model";

/// The most batches whose means are kept, all of which go into each step's mean.
const MOST_BATCHES: usize = 65_536;

/// The configuration of a [`QueueAlignment`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct QueueAlignmentConfig {
    /// Of how many batches the mean is taken (L), 1 to 65,536.
    pub length: usize,
    /// What the average should be.
    pub target: AlignmentTarget,
}

impl Default for QueueAlignmentConfig {
    /// Uniform over 32 batches, as in USB's configurations of CoMatch and SimMatch.
    fn default() -> Self {
        Self {
            length: 32,
            target: AlignmentTarget::Uniform,
        }
    }
}

/// `p' = norm(p (t + 1e-6) / (a + 1e-6))`, with the target t and the mean a of the last L batches' mean
/// predictions, this one's included.
///
/// Batches before the first one count as zeros, which scales all classes alike: but for the 1e-6, a is
/// the mean of those that there were.
#[derive(Clone, Debug)]
pub struct QueueAlignment {
    target: Tensor,
    /// `(L, C)`, the newest first.
    means: Tensor,
}

impl QueueAlignment {
    /// For that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(config: &QueueAlignmentConfig, num_classes: usize) -> Result<Self> {
        if config.length == 0 {
            return Err(Error::Zero {
                field: "alignment.length",
            }
            .into());
        }
        bounds::check(
            config.length <= MOST_BATCHES,
            "alignment.length",
            config.length as f64,
            "65536 or less",
        )?;
        let rules = Alignment {
            momentum: 0.,
            target: config.target.clone(),
        };
        rules.check(num_classes)?;
        let shape = (config.length, num_classes);
        Ok(Self {
            target: shares_of(&config.target, num_classes)?,
            means: Tensor::zeros(shape, DType::F64, &Device::Cpu)?,
        })
    }

    /// Probabilities `(N, C)` to aligned ones, by a mean that has them in it.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn align(&mut self, probs: &Probs) -> Result<Probs> {
        let probs = probs.tensor().detach();
        let newest = probs.mean_keepdim(0)?;
        // What was loaded lies where the file was read.
        let means = self.means.to_dtype(probs.dtype())?;
        let means = means.to_device(probs.device())?;
        let means = match means.dim(0)? {
            1 => newest,
            length => Tensor::cat(&[&newest, &means.narrow(0, 0, length - 1)?], 0)?,
        };
        let aligned = scaled(&probs, &self.target, &means.mean(0)?)?;
        self.means = means;
        Ok(aligned)
    }
}

impl Stateful for QueueAlignment {
    fn state(&self) -> Result<State> {
        Ok(State::from([(MEANS.to_owned(), self.means.clone())]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.means = state_entry(state, MEANS, self.means.dims())?.clone();
        Ok(())
    }
}
