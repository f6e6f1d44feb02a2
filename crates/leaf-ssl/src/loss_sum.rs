//! The weighted sum of a step's terms, each of which is added once.

use candle_core::Tensor;
use leaf_core::{Routing, cross_entropy};

use crate::{
    CONFIDENCE, EXPERT_USAGE, Logits, Losses, PseudoLabels, Result, Selection, UTILIZATION,
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
            total: (loss * weight)?,
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
        self.total = (&self.total + (loss * weight)?)?;
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

    /// Adds a measurement: a scalar, or a value an entry.
    pub fn measure(&mut self, name: impl Into<String>, value: &Tensor) {
        self.diagnostics.push((name.into(), value.detach()));
    }

    /// Adds the share of rows that each expert served, by level; several passes count by their rows.
    ///
    /// # Errors
    /// Those of candle.
    pub fn measure_experts(&mut self, routing: &[(&'static str, Routing)]) -> Result<()> {
        let mut levels: Vec<(&str, Tensor, f64)> = Vec::new();
        for (level, routing) in routing {
            let rows = routing.experts.dim(0)? as f64;
            let served = (routing.usage()? * rows)?;
            match levels.iter_mut().find(|(known, ..)| known == level) {
                Some((_, sum, total)) => {
                    *sum = (&*sum + served)?;
                    *total += rows;
                }
                None => levels.push((level, served, rows)),
            }
        }
        for (level, served, rows) in levels {
            self.measure(format!("{EXPERT_USAGE}, {level}"), &(served / rows)?);
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
