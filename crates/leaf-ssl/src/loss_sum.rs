//! The weighted sum of a step's terms, each of which is added once.

use candle_core::Tensor;
use leaf_core::{Routing, cross_entropy};

use crate::gate_usage::GateUsage;
use crate::{
    CONFIDENCE, EXPERT_USAGE, GATE_ENTROPY, GATE_ENTROPY_OF_ROWS, Logits, Losses, PseudoLabels,
    Result, Selection, Selector, THRESHOLDS, UTILIZATION,
};

/// The weighted sum of a step's terms, each of which is added once; what trainers build [`Losses`] with.
#[derive(Clone, Debug)]
pub struct LossSum {
    total: Tensor,
    terms: Vec<(&'static str, Tensor)>,
    diagnostics: Vec<(String, Tensor)>,
    selection: Option<Selection>,
}

impl LossSum {
    /// Starts with a term (scalar) and its weight.
    ///
    /// # Errors
    /// Those of candle.
    pub fn new(name: &'static str, loss: Tensor, weight: f64) -> Result<Self> {
        Ok(Self {
            terms: vec![(name, loss.detach())],
            total: weighted(&loss, weight)?,
            diagnostics: Vec::new(),
            selection: None,
        })
    }

    /// Starts with the labelled faces' mean cross-entropy: logits `(B, C)`, classes `(B,)`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn supervised(logits: &Logits, labels: &Tensor, weight: f64) -> Result<Self> {
        let loss = cross_entropy(logits.tensor(), labels)?.mean_all()?;
        Self::new("supervised", loss, weight)
    }

    /// Adds a term (scalar).
    ///
    /// # Errors
    /// Those of candle.
    pub fn add(&mut self, name: &'static str, loss: Tensor, weight: f64) -> Result<()> {
        self.terms.push((name, loss.detach()));
        self.total = (&self.total + weighted(&loss, weight)?)?;
        Ok(())
    }

    /// Adds the mixtures' balance loss, if there are mixtures. A weight of 0 leaves it out, so that a
    /// gate that nothing trains gets no gradient.
    ///
    /// # Errors
    /// Those of candle.
    pub fn add_balance(&mut self, balance: Option<&Tensor>, weight: f64) -> Result<()> {
        match balance {
            Some(balance) if weight != 0. => self.add("balance", balance.clone(), weight),
            Some(balance) => {
                self.terms.push(("balance", balance.detach()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Adds the distance between views' fused features, if the passes have it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn add_invariance(&mut self, invariance: Option<&Tensor>, weight: f64) -> Result<()> {
        match invariance {
            Some(invariance) => self.add("invariance", invariance.clone(), weight),
            None => Ok(()),
        }
    }

    /// Adds a measurement: a scalar, or a value an entry.
    pub fn measure(&mut self, name: impl Into<String>, value: &Tensor) {
        self.diagnostics.push((name.into(), value.detach()));
    }

    /// Adds the share of rows that each expert served and how spread the gate's weights are, by level;
    /// several passes count by their rows.
    ///
    /// # Errors
    /// Those of candle.
    pub fn measure_experts(&mut self, routing: &[(&'static str, Routing)]) -> Result<()> {
        for (level, usage) in GateUsage::by_level(routing)? {
            self.measure(format!("{EXPERT_USAGE}, {level}"), &usage.served()?);
            self.measure(format!("{GATE_ENTROPY}, {level}"), &usage.entropy()?);
            let rows = usage.entropy_of_rows()?;
            self.measure(format!("{GATE_ENTROPY_OF_ROWS}, {level}"), &rows);
        }
        Ok(())
    }

    /// Adds the selector's thresholds, if it has any.
    ///
    /// # Errors
    /// Those of the selector.
    pub fn measure_thresholds(&mut self, selector: &dyn Selector) -> Result<()> {
        if let Some(thresholds) = selector.thresholds()? {
            self.measure(THRESHOLDS, &thresholds);
        }
        Ok(())
    }

    /// Says which pseudo-labels were trained on, how many and how sure they were.
    ///
    /// # Errors
    /// Those of candle.
    pub fn measure_selection(&mut self, labels: &PseudoLabels, weights: &Tensor) -> Result<()> {
        self.measure(UTILIZATION, &weights.mean_all()?);
        self.measure(CONFIDENCE, &labels.confidence.mean_all()?);
        self.selection = Some(Selection {
            classes: labels.classes.clone(),
            weights: weights.clone(),
        });
        Ok(())
    }

    /// The sum with everything that was measured.
    pub fn into_losses(self) -> Losses {
        Losses {
            total: self.total,
            terms: self.terms,
            diagnostics: self.diagnostics,
            selection: self.selection,
        }
    }
}

/// A term times its weight. candle cuts the graph at a factor of 0, and then parameters that only this
/// term reaches would have no gradient while its weight waits to grow; a constant tensor keeps it.
fn weighted(loss: &Tensor, weight: f64) -> Result<Tensor> {
    match weight {
        0. => Ok((loss * loss.zeros_like()?)?),
        weight => Ok((loss * weight)?),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn a_term_without_weight_has_the_gradient_zero() -> Result<()> {
        let x = Var::new(3f32, &Device::Cpu)?;
        let mut sum = LossSum::new("none", x.sqr()?, 0.)?;
        sum.add("neither", x.affine(2., 0.)?, 0.)?;
        let losses = sum.into_losses();
        let grads = losses.total.backward()?;
        let grad = grads.get(&x).expect("a gradient");
        assert_eq!(
            (grad.to_scalar::<f32>()?, losses.total.to_scalar::<f32>()?),
            (0., 0.)
        );
        Ok(())
    }
}
