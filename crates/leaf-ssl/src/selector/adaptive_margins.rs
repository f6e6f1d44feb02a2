//! Ada-CM's margins: each class's threshold follows how sure the network is of labelled faces.
//!
//! Source: H. Li et al., "Towards semi-supervised deep facial expression recognition with an adaptive
//! confidence margin", CVPR 2022, with the arithmetic of its released code.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Error as CoreError, MarginConfig, Mode, adaptive_margins};

use super::{ClassThresholds, Selector};
use crate::scores::expect_classes;
use crate::{
    Context, Error, LabeledFaces, Logits, Network, PseudoLabels, Result, Seen, State, Stateful,
    Step, Views, state_entry,
};

/// The saved entry.
const MARGINS: &str = "margins";

/// Keeps a face if `max p >= T_c`, where T_c is the margin of its class c.
///
/// Every margin is the floor in the first epoch. Before the first step of each later one they are
/// computed anew by [`leaf_core::adaptive_margins`] from what the running average of the weights says
/// of all labelled faces in evaluation; epochs count from 1, so the first computation is that of epoch 1.
#[derive(Clone, Debug)]
pub struct AdaptiveMargins {
    config: MarginConfig,
    margins: ClassThresholds,
    num_classes: usize,
}

impl AdaptiveMargins {
    /// For that many classes.
    ///
    /// # Errors
    /// When a setting is outside `[0, 1]` or there are fewer than 2 classes.
    pub fn new(config: MarginConfig, num_classes: usize) -> Result<Self> {
        config.check()?;
        if num_classes < 2 {
            return Err(CoreError::NumClasses { num_classes }.into());
        }
        let floor = Tensor::full(config.floor, num_classes, &Device::Cpu)?;
        Ok(Self {
            config,
            margins: ClassThresholds::new(floor),
            num_classes,
        })
    }

    /// Each class's margin `(C,)`, f64 in main memory.
    pub fn margins(&self) -> &Tensor {
        self.margins.values()
    }
}

impl Selector for AdaptiveMargins {
    fn needs(&self) -> Views {
        Views {
            average: true,
            labeled_pass: true,
            ..Views::NONE
        }
    }

    fn prepare(&mut self, context: &Context, step: Step) -> Result<()> {
        let epoch = step.epoch();
        if epoch == 0 || !step.starts_epoch() {
            return Ok(());
        }
        let (network, faces) = (context.need_average()?, context.need_labeled()?);
        let (probs, labels) = predictions(network, faces, epoch)?;
        expect_classes("predictions of labelled faces", &probs, self.num_classes)?;
        let margins = adaptive_margins(&probs, &labels, epoch, &self.config)?;
        // Metal has no f64.
        let margins = margins.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        self.margins = ClassThresholds::new(margins);
        Ok(())
    }

    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor> {
        self.margins.select(labels, seen)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        self.margins.thresholds()
    }
}

/// What a network says in evaluation of all labelled faces `(N, C)`, with their classes `(N,)`.
fn predictions(
    network: &dyn Network,
    faces: &dyn LabeledFaces,
    pass: usize,
) -> Result<(Tensor, Tensor)> {
    let (mut probs, mut labels) = (Vec::new(), Vec::new());
    for chunk in faces.pass(pass) {
        let (images, classes) = chunk?;
        let output = network.forward(&images, Mode::Eval)?;
        let chunk = Logits::new(output.logits)?.probs()?;
        probs.push(chunk.tensor().detach());
        labels.push(classes);
    }
    if probs.is_empty() {
        return Err(Error::Missing {
            what: "labelled face",
        });
    }
    Ok((Tensor::cat(&probs, 0)?, Tensor::cat(&labels, 0)?))
}

impl Stateful for AdaptiveMargins {
    fn state(&self) -> Result<State> {
        Ok(State::from([(MARGINS.to_owned(), self.margins().clone())]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let margins = state_entry(state, MARGINS, &[self.num_classes])?;
        let margins = margins.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        self.margins = ClassThresholds::new(margins);
        Ok(())
    }
}
