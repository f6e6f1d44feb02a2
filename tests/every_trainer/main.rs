//! What every trainer must do, plain and with LEAF, on a tiny network.

mod fresh_process;
mod learning;
mod real_runs;
mod rejected;
mod resuming;
mod trainers;

/// The last step: every ramp is (almost) over.
const LAST: usize = leaf_trial::STEPS - 1;
