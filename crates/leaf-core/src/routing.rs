//! Which experts serve which rows, and how much each counts.

use candle_core::Tensor;

use crate::Result;

/// A gate's decision for N rows: k of E experts each.
#[derive(Clone, Debug)]
pub struct Routing {
    /// The kept experts' weights `(N, k)`, with the gate's gradient.
    pub weights: Tensor,
    /// The kept experts' numbers `(N, k)`, u32, the largest score first.
    pub experts: Tensor,
    /// The sum of each expert's weights over the rows `(E,)`.
    pub importance: Tensor,
    /// How many rows each expert serves `(E,)`: a count, or in training the gate's smooth estimate of it.
    pub load: Tensor,
}

impl Routing {
    /// All experts' weights `(N, E)`, 0 where an expert is not kept.
    ///
    /// # Errors
    /// Those of candle.
    pub fn dense(&self) -> Result<Tensor> {
        let num_experts = self.importance.dim(0)?;
        dense(&self.weights, &self.experts, num_experts)
    }

    /// The share of row-expert assignments that each expert got `(E,)`, without gradient; it sums to 1.
    ///
    /// # Errors
    /// Those of candle.
    pub fn usage(&self) -> Result<Tensor> {
        let kept = dense(
            &self.weights.detach().ones_like()?,
            &self.experts,
            self.importance.dim(0)?,
        )?;
        let assignments = self.experts.elem_count().max(1) as f64;
        Ok((kept.sum(0)? / assignments)?)
    }
}

/// Spreads kept weights `(N, k)` over all experts: `(N, E)`.
pub(crate) fn dense(weights: &Tensor, experts: &Tensor, num_experts: usize) -> Result<Tensor> {
    // candle's scatter has the right gradient for its source, which is all that is asked of it here.
    let zeros = Tensor::zeros(
        (weights.dim(0)?, num_experts),
        weights.dtype(),
        weights.device(),
    )?;
    Ok(zeros.scatter(experts, weights, 1)?)
}
