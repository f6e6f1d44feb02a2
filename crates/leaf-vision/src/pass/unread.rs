//! Parameters that a network has and never reads.

use candle_core::Tensor;

use super::{Map, Pass, Pixels};
use crate::error::Result;

impl Pass {
    /// The map itself, and a gradient of 0 for parameters that nothing reads: released networks have
    /// some, and optimizers ask for every gradient.
    ///
    /// # Errors
    /// Those of candle.
    pub fn unread(&mut self, xs: &Map, parameters: &[&Tensor]) -> Result<Map> {
        let mode = self.mode;
        let Some((_, tape)) = self.kernels() else {
            let mut ys = xs.plain()?;
            for parameter in parameters.iter().filter(|_| mode.is_train()) {
                // Not times the number 0, behind which candle sees no graph.
                let zeros = (*parameter * parameter.zeros_like()?)?;
                ys = ys.broadcast_add(&zeros.sum_all()?)?;
            }
            return Ok(Map(Pixels::Plain(ys)));
        };
        if let Some(tape) = tape {
            for parameter in parameters {
                tape.parameter(parameter);
            }
        }
        Ok(xs.clone())
    }
}
