//! What a step does with each entry.

use pulp::Simd;

use super::{Lanes, Number};

/// How M values change by a gradient, entry by entry. The first value is the weight.
///
/// Written with the operations and in the order of its twin of tensors, it gives the twin's numbers.
pub(crate) trait Rule<const M: usize>: Copy + Send + Sync {
    /// The new values of a few entries. Mark it `#[inline(always)]`: only then it is compiled for the
    /// processor's vectors.
    fn renewed<T: Number, S: Simd>(
        &self,
        values: [Lanes<T, S>; M],
        gradient: Lanes<T, S>,
    ) -> [Lanes<T, S>; M];
}

/// `average <- decay average + (1 - decay) weight`, as a rule in which the weight is the gradient.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    pub(crate) decay: f64,
}

impl Rule<1> for Mix {
    #[inline(always)]
    fn renewed<T: Number, S: Simd>(
        &self,
        [average]: [Lanes<T, S>; 1],
        weight: Lanes<T, S>,
    ) -> [Lanes<T, S>; 1] {
        [average * self.decay + weight * (1. - self.decay)]
    }
}
