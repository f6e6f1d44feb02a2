//! The wrapper itself.

use candle_core::{Device, Tensor};
use leaf_ssl::{
    Algorithm, Batch, Context, Heads, Losses, Result, State, Stateful, Step, Views, joined_state,
    part_of_state, state_entry,
};

use crate::DebiasConfig;
use crate::shift::PriorShift;

/// The saved entries: p̂, and what the base keeps.
const PRIOR: &str = "p_hat";
const BASE: &str = "base";

/// How p̂ is reported, a value a class.
pub const PREDICTED_SHARES: &str = "predicted shares";

/// Any trainer with its pseudo-labels debiased; the rule is on the crate's page.
///
/// Made by [`DebiasConfig::around`]. Views, heads and losses are the base's.
#[derive(Clone, Debug)]
pub struct Debias<A> {
    name: String,
    config: DebiasConfig,
    prior: Tensor,
    base: A,
}

impl<A: Algorithm> Debias<A> {
    pub(crate) fn new(base: A, config: &DebiasConfig, num_classes: usize) -> Result<Self> {
        let equal = vec![1. / num_classes as f64; num_classes];
        Ok(Self {
            name: format!("{} + DebiasPL", base.name()),
            config: config.clone(),
            prior: Tensor::from_vec(equal, num_classes, &Device::Cpu)?,
            base,
        })
    }

    /// The running mean of predictions p̂ `(C,)`.
    pub fn prior(&self) -> &Tensor {
        &self.prior
    }
}

impl<A: Algorithm> Algorithm for Debias<A> {
    fn name(&self) -> &str {
        &self.name
    }

    fn views(&self) -> Views {
        self.base.views()
    }

    fn heads(&self) -> Heads {
        self.base.heads()
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        let shift = PriorShift::new(&self.config, &self.prior, context.adjustment);
        let mut losses = self
            .base
            .loss(&context.with_adjustment(&shift), batch, step)?;
        let prior = shift.prior()?;
        losses
            .diagnostics
            .push((PREDICTED_SHARES.to_owned(), prior.clone()));
        self.prior = prior;
        Ok(losses)
    }
}

impl<A: Algorithm> Stateful for Debias<A> {
    fn state(&self) -> Result<State> {
        let mut state = joined_state([(BASE, &self.base as &dyn Stateful)])?;
        state.insert(PRIOR.to_owned(), self.prior.clone());
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let prior = state_entry(state, PRIOR, self.prior.dims())?.clone();
        self.base.load_state(&part_of_state(state, BASE))?;
        self.prior = prior;
        Ok(())
    }
}
