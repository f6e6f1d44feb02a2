//! Training on the labelled faces alone: what semi-supervised training is measured against.

use leaf_core::{ForwardPlan, LeafConfig};

use crate::weak_strong::{expert_usage, supervised_sum};
use crate::{Algorithm, Batch, Losses, Networks, Result, State, Step, Views, forward};

/// `L = w_x mean CE(labelled) + w_b balance`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supervised {
    supervised_weight: f64,
    balance_weight: f64,
}

impl Supervised {
    /// With the weights that LEAF's configuration gives; [`LeafConfig::off`] for a plain head.
    pub fn new(leaf: &LeafConfig) -> Self {
        Self {
            supervised_weight: leaf.supervised_weight,
            balance_weight: leaf.balance_weight,
        }
    }
}

impl Algorithm for Supervised {
    fn name(&self) -> &str {
        "supervised"
    }

    fn views(&self) -> Views {
        Views::NONE
    }

    fn loss(&mut self, networks: &Networks, batch: &Batch, _step: Step) -> Result<Losses> {
        let plan = ForwardPlan::Concatenated;
        let passes = forward::run(plan, networks.student, batch, Views::NONE, false)?;
        let mut sum = supervised_sum(&passes, &batch.labeled, self.supervised_weight)?;
        sum.add_balance(&passes, self.balance_weight)?;
        Ok(sum.into_losses(expert_usage(&passes)?))
    }

    fn state(&self) -> Result<State> {
        Ok(State::new())
    }

    fn load_state(&mut self, _state: &State) -> Result<()> {
        Ok(())
    }
}
