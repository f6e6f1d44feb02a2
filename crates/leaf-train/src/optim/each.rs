//! The loop over the parameters that every optimizer shares.

use candle_core::{Tensor, Var};

use crate::weight_average::Tracked;
use crate::{Gradients, Result, WeightAverage};

/// Calls `update` with each parameter's place and gradient, and leaves every average up to date: of
/// parameters, of parameters without a gradient, and of what the optimizer does not train.
///
/// `update` is lent the parameter's average, and says whether it took the new weight into it; if not, that
/// is done here.
pub(super) fn each(
    parameters: &[(String, Var)],
    gradients: &Gradients,
    average: Option<&WeightAverage>,
    mut update: impl FnMut(usize, &Tensor, Option<Tracked>) -> Result<bool>,
) -> Result<()> {
    let variables = parameters.iter().map(|(_, var)| var);
    let (tracked, others) = average
        .map(|average| average.by_variable(variables))
        .unwrap_or_default();
    for (i, (name, _)) in parameters.iter().enumerate() {
        let tracked = tracked.get(i).copied().flatten();
        let averaged = match gradients.get(name) {
            Some(gradient) => update(i, gradient, tracked)?,
            None => false,
        };
        match tracked {
            Some(tracked) if !averaged => tracked.update()?,
            _ => {}
        }
    }
    others.into_iter().try_for_each(Tracked::update)
}
