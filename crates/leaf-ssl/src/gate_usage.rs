//! How a gate spreads rows over its experts.

use candle_core::{D, Tensor};
use leaf_core::Routing;

use crate::Result;

/// What one level's gate decided in a step, whatever the number of passes.
#[derive(Clone, Debug)]
pub(crate) struct GateUsage {
    rows: f64,
    /// The share of rows that each expert served `(E,)`, times the rows.
    served: Tensor,
    /// Each expert's sum of weights `(E,)`.
    importance: Tensor,
    /// The sum of the rows' entropies (scalar).
    entropies: Tensor,
}

impl GateUsage {
    /// By level, in the order in which they occur.
    pub(crate) fn by_level<'a>(routing: &[(&'a str, Routing)]) -> Result<Vec<(&'a str, Self)>> {
        let mut levels: Vec<(&str, Self)> = Vec::new();
        for (level, routing) in routing {
            let usage = Self::of(routing)?;
            match levels.iter_mut().find(|(known, _)| known == level) {
                Some((_, known)) => known.add(&usage)?,
                None => levels.push((level, usage)),
            }
        }
        Ok(levels)
    }

    fn of(routing: &Routing) -> Result<Self> {
        let rows = routing.experts.dim(0)? as f64;
        Ok(Self {
            rows,
            served: (routing.usage()? * rows)?,
            importance: routing.importance.detach(),
            entropies: entropy(&routing.weights.detach())?.sum_all()?,
        })
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        self.rows += other.rows;
        self.served = (&self.served + &other.served)?;
        self.importance = (&self.importance + &other.importance)?;
        self.entropies = (&self.entropies + &other.entropies)?;
        Ok(())
    }

    /// The share of rows that each expert served `(E,)`.
    pub(crate) fn served(&self) -> Result<Tensor> {
        Ok((&self.served / self.rows)?)
    }

    /// The entropy of the experts' shares of all weights (scalar).
    pub(crate) fn entropy(&self) -> Result<Tensor> {
        entropy(&self.importance)
    }

    /// The mean entropy of a row's weights (scalar).
    pub(crate) fn entropy_of_rows(&self) -> Result<Tensor> {
        Ok((&self.entropies / self.rows)?)
    }
}

/// The entropy in nats of weights over their last dimension, each divided by their sum.
fn entropy(weights: &Tensor) -> Result<Tensor> {
    let shares = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    // 0 ln 0 is 0, and candle's logarithm of 0 is infinite.
    let logarithms = shares.maximum(f64::from(f32::MIN_POSITIVE))?.log()?;
    // Not the negative, which is -0 for one expert.
    Ok((shares * logarithms)?.sum(D::Minus1)?.affine(-1., 0.)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use leaf_testkit::entries;

    use super::*;

    /// Weights of the kept experts `(N, 2)` of three.
    fn routing(
        weights: &[[f64; 2]],
        experts: &[[u32; 2]],
        importance: [f64; 3],
    ) -> Result<Routing> {
        let device = &Device::Cpu;
        let shape = (weights.len(), 2);
        Ok(Routing {
            weights: Tensor::from_slice(weights.as_flattened(), shape, device)?,
            experts: Tensor::from_slice(experts.as_flattened(), shape, device)?,
            importance: Tensor::new(&importance, device)?,
            load: Tensor::new(&importance, device)?,
        })
    }

    #[test]
    fn entropies_are_those_of_all_rows_whatever_the_passes() -> Result<()> {
        let one = routing(&[[0.5, 0.5]], &[[0, 1]], [0.5, 0.5, 0.])?;
        // Weights need not add up to 1.
        let other = routing(
            &[[0.5, 0.], [0.25, 0.25]],
            &[[2, 0], [2, 1]],
            [0., 0.25, 0.75],
        )?;
        let levels = GateUsage::by_level(&[("semantic", one.clone()), ("semantic", other)])?;
        assert_eq!(levels.len(), 1);
        let (level, usage) = &levels[0];
        assert_eq!(*level, "semantic");
        let near = |found: &Tensor, wanted: f64| -> Result<()> {
            let found = entries(found)?[0];
            assert!((found - wanted).abs() < 1e-12, "{found}, expected {wanted}");
            Ok(())
        };
        near(&usage.entropy_of_rows()?, 2. * 2f64.ln() / 3.)?;
        let shares = [0.25, 0.375, 0.375];
        near(
            &usage.entropy()?,
            shares.iter().map(|s: &f64| -s * s.ln()).sum(),
        )?;
        let served = entries(&usage.served()?)?;
        for (found, wanted) in served.iter().zip([2. / 6., 2. / 6., 2. / 6.]) {
            assert!((found - wanted).abs() < 1e-12, "{served:?}");
        }
        let levels = GateUsage::by_level(&[("semantic", one.clone()), ("instance", one)])?;
        assert_eq!(levels[1].0, "instance");
        near(&levels[1].1.entropy()?, 2f64.ln())
    }

    #[test]
    fn one_expert_for_all_has_no_entropy() -> Result<()> {
        let all = routing(&[[1., 0.], [1., 0.]], &[[1, 0], [1, 2]], [0., 2., 0.])?;
        let levels = GateUsage::by_level(&[("semantic", all)])?;
        assert_eq!(entries(&levels[0].1.entropy()?)?, [0.]);
        assert_eq!(entries(&levels[0].1.entropy_of_rows()?)?, [0.]);
        Ok(())
    }
}
