//! The training passes of trainers that run each view on its own.

use candle_core::Tensor;
use leaf_core::{Mode, Routing};

use crate::{LossSum, Network, Result, ViewPass};

/// The training passes of one step, a pass a view, with what the network's mixtures decided in them.
///
/// [`crate::forward::run`] is for weak and strong views. Trainers without them (Pseudo-Label, Pi-Model,
/// Mean Teacher, MixMatch) run the labelled faces and each view of the unlabelled ones on their own, so that
/// batch norm's running statistics follow the labelled faces alone.
pub struct TrainingPasses<'a> {
    network: &'a dyn Network,
    balances: Vec<Tensor>,
    routing: Vec<(&'static str, Routing)>,
}

impl<'a> TrainingPasses<'a> {
    /// Through that network; none so far.
    pub fn new(network: &'a dyn Network) -> Self {
        Self {
            network,
            balances: Vec::new(),
            routing: Vec::new(),
        }
    }

    /// Labelled faces `(B, channels, height, width)`: running statistics follow ([`Mode::Train`]).
    ///
    /// # Errors
    /// Those of the network.
    pub fn labeled(&mut self, images: &Tensor) -> Result<ViewPass> {
        self.pass(images, Mode::Train)
    }

    /// A view of unlabelled faces `(M, channels, height, width)`: running statistics stay
    /// ([`Mode::FrozenStatistics`]).
    ///
    /// # Errors
    /// Those of the network.
    pub fn unlabeled(&mut self, images: &Tensor) -> Result<ViewPass> {
        self.pass(images, Mode::FrozenStatistics)
    }

    fn pass(&mut self, images: &Tensor, mode: Mode) -> Result<ViewPass> {
        let output = self.network.forward(images, mode)?;
        let view = ViewPass::new(&output)?;
        self.balances.extend(output.balance);
        self.routing.extend(output.routing);
        Ok(view)
    }

    /// Adds the mean of the passes' balance losses to a step's loss, and says how the experts were
    /// used.
    ///
    /// # Errors
    /// Those of candle.
    pub fn add_to(self, sum: &mut LossSum, balance_weight: f64) -> Result<()> {
        let balance = match self.balances.is_empty() {
            true => None,
            false => Some(Tensor::stack(&self.balances, 0)?.mean(0)?),
        };
        sum.add_balance(balance.as_ref(), balance_weight)?;
        sum.measure_experts(&self.routing)
    }
}

impl std::fmt::Debug for TrainingPasses<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingPasses")
            .field("balances", &self.balances)
            .field("routing", &self.routing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use candle_core::{DType, Device};
    use leaf_core::HeadOutput;
    use leaf_testkit::entries;

    use super::*;
    use crate::{EXPERT_USAGE, Logits};

    /// Two classes and one mixture of two experts; the balance loss is the number of rows.
    #[derive(Default)]
    struct Recorder(RefCell<Vec<Mode>>);

    impl Network for Recorder {
        fn encode(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
            self.0.borrow_mut().push(mode);
            Ok(images.clone())
        }

        fn head(&self, features: &Tensor, _mode: Mode) -> Result<HeadOutput> {
            let (rows, device) = (features.dim(0)?, features.device());
            // A view of one row goes to the first expert, others to the second.
            let expert = u32::from(rows > 1);
            let routing = Routing {
                weights: Tensor::ones((rows, 1), DType::F64, device)?,
                experts: Tensor::full(expert, (rows, 1), device)?,
                importance: Tensor::zeros(2, DType::F64, device)?,
                load: Tensor::zeros(2, DType::F64, device)?,
            };
            Ok(HeadOutput {
                logits: features.clone(),
                features: features.clone(),
                aggregated: features.clone(),
                balance: Some(Tensor::new(rows as f64, device)?),
                routing: vec![("semantic", routing)],
            })
        }

        fn num_classes(&self) -> usize {
            2
        }
    }

    #[test]
    fn balance_is_the_passes_mean_and_usage_counts_rows() -> Result<()> {
        let network = Recorder::default();
        let mut passes = TrainingPasses::new(&network);
        let rows = |rows: usize| Tensor::zeros((rows, 2), DType::F64, &Device::Cpu);
        let labeled = passes.labeled(&rows(1)?)?;
        passes.unlabeled(&rows(4)?)?;
        passes.unlabeled(&rows(4)?)?;
        assert_eq!(
            *network.0.borrow(),
            [Mode::Train, Mode::FrozenStatistics, Mode::FrozenStatistics]
        );

        let classes = Tensor::new(&[0u32], &Device::Cpu)?;
        let mut sum = LossSum::supervised(&labeled.logits, &classes, 0.)?;
        passes.add_to(&mut sum, 0.5)?;
        let losses = sum.into_losses();
        assert_eq!(losses.terms[1].0, "balance");
        assert_eq!(entries(&losses.terms[1].1)?, [3.]);
        assert_eq!(entries(&losses.total)?, [1.5]);
        let (name, usage) = &losses.diagnostics[0];
        assert_eq!(*name, format!("{EXPERT_USAGE}, semantic"));
        assert_eq!(entries(usage)?, [1. / 9., 8. / 9.]);
        Ok(())
    }

    #[test]
    fn no_passes_and_no_mixtures_add_nothing() -> Result<()> {
        let network = Recorder::default();
        let logits = Logits::new(Tensor::zeros((1, 2), DType::F64, &Device::Cpu)?)?;
        let classes = Tensor::new(&[0u32], &Device::Cpu)?;
        let mut sum = LossSum::supervised(&logits, &classes, 1.)?;
        TrainingPasses::new(&network).add_to(&mut sum, 1.)?;
        let losses = sum.into_losses();
        assert_eq!(losses.terms.len(), 1);
        assert!(losses.diagnostics.is_empty());
        Ok(())
    }
}
