//! How a forward pass is meant: to learn, to label, or to evaluate.

use candle_core::Tensor;

/// How a forward pass is meant.
///
/// | mode | batch norm uses | gate noise, dropout | graph |
/// |---|---|---|---|
/// | `Train` | batch statistics, running ones are updated | on | kept |
/// | `FrozenStatistics` | batch statistics, running ones stay | on | kept |
/// | `Teacher` | batch statistics, running ones stay | off | none |
/// | `Eval` | running statistics | off | none |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The pass that gradients flow through.
    Train,
    /// As `Train`, but batch norm's running statistics stay: faces that should not colour what
    /// evaluation sees.
    FrozenStatistics,
    /// A pass of the training network that makes pseudo-labels.
    Teacher,
    /// Evaluation and use.
    Eval,
}

impl Mode {
    /// Whether gradients flow through this pass.
    pub fn is_train(self) -> bool {
        matches!(self, Self::Train | Self::FrozenStatistics)
    }

    /// Whether batch norm's running statistics follow this pass.
    pub fn updates_statistics(self) -> bool {
        self == Self::Train
    }

    /// The parameter (or input) as this pass sees it: itself in training, otherwise a view of the
    /// same storage that records no operations.
    ///
    /// candle keeps a graph for everything that touches a variable; reading parameters through this
    /// function is what makes teacher and evaluation passes free of it.
    pub fn view(self, tensor: &Tensor) -> Tensor {
        if self.is_train() {
            tensor.clone()
        } else {
            tensor.detach()
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn only_training_records_operations() -> candle_core::Result<()> {
        let weight = Var::new(&[1f32, 2.], &Device::Cpu)?;
        for mode in [Mode::Train, Mode::FrozenStatistics] {
            assert!(mode.view(&weight).sqr()?.track_op());
        }
        for mode in [Mode::Teacher, Mode::Eval] {
            assert!(!mode.view(&weight).sqr()?.track_op());
        }
        Ok(())
    }

    #[test]
    fn a_view_follows_the_parameter() -> candle_core::Result<()> {
        let weight = Var::new(&[1f32, 2.], &Device::Cpu)?;
        let view = Mode::Eval.view(&weight);
        weight.set(&candle_core::Tensor::new(&[3f32, 4.], &Device::Cpu)?)?;
        assert_eq!(view.to_vec1::<f32>()?, [3., 4.]);
        Ok(())
    }
}
