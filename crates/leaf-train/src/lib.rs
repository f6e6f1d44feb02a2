//! Runs any semi-supervised algorithm on any network: optimizers, schedule, weight average, checkpoints, metrics.
//!
//! # A run
//!
//! A [`Trainer`] takes a network with its parameters (a [`Learner`]), an algorithm of `leaf-ssl` and
//! an [`Optimizer`]; it may keep a running average of the weights in a second network. Batches come
//! from any iterator, so data are somebody else's matter.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use leaf_core::{HeadOutput, Linear, Mode, Parameters, linear};
//! use leaf_ssl::{Algorithm, Batch, Context, Labeled, Losses, Network, Stateful, Step, Unlabeled, Views};
//! use leaf_train::{Console, EvaluationSet, Learner, OptimizerConfig, TrainConfig, Trainer};
//!
//! /// A network: two numbers to two classes.
//! struct Plane(Linear);
//!
//! impl Network for Plane {
//!     fn encode(&self, points: &Tensor, _mode: Mode) -> leaf_ssl::Result<Tensor> {
//!         Ok(points.clone())
//!     }
//!     fn head(&self, features: &Tensor, mode: Mode) -> leaf_ssl::Result<HeadOutput> {
//!         Ok(HeadOutput {
//!             logits: self.0.forward(features, mode)?,
//!             features: features.clone(),
//!             aggregated: features.clone(),
//!             balance: None,
//!             routing: Vec::new(),
//!         })
//!     }
//!     fn num_classes(&self) -> usize {
//!         2
//!     }
//! }
//!
//! fn learner(seed: u64) -> leaf_core::Result<Learner<Plane>> {
//!     let parameters = Parameters::new(seed);
//!     let network = Plane(linear(2, 2, parameters.builder(DType::F32, &Device::Cpu))?);
//!     Ok(Learner { network, parameters })
//! }
//!
//! /// An algorithm: cross-entropy on the labelled points alone.
//! struct Supervised;
//!
//! impl Algorithm for Supervised {
//!     fn name(&self) -> &str {
//!         "supervised"
//!     }
//!     fn views(&self) -> Views {
//!         Views::NONE
//!     }
//!     fn loss(&mut self, context: &Context, batch: &Batch, _: Step) -> leaf_ssl::Result<Losses> {
//!         let logits = context.student.forward(&batch.labeled.images, Mode::Train)?.logits;
//!         let total = candle_nn::loss::cross_entropy(&logits, &batch.labeled.labels)?;
//!         let terms = vec![("supervised", total.detach())];
//!         Ok(Losses::new(total, terms))
//!     }
//! }
//!
//! /// It keeps nothing between steps.
//! impl Stateful for Supervised {}
//!
//! # fn main() -> leaf_train::Result<()> {
//! let points = Tensor::new(&[[1f32, 0.2], [0.3, 1.], [0.9, -0.5], [-0.2, 0.8]], &Device::Cpu)?;
//! let labels = Tensor::new(&[0u32, 1, 0, 1], &Device::Cpu)?;
//! let batch = Batch {
//!     labeled: Labeled { images: points.clone(), labels: labels.clone(), index: vec![0, 1, 2, 3] },
//!     unlabeled: Unlabeled::default(),
//! };
//! let batches = std::iter::repeat_with(|| -> leaf_train::Result<Batch> { Ok(batch.clone()) });
//!
//! let student = learner(0)?;
//! let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
//! let config = TrainConfig { steps: 50, ema_decay: Some(0.9), ..TrainConfig::default() };
//! let mut trainer = Trainer::new(config, student, Supervised, optimizer)?
//!     .with_average(learner(1)?)?;
//! let validation = EvaluationSet::new("validation", vec![(points, labels)]).for_selection();
//! let summary = trainer.run(batches, &[validation], &mut [&mut Console::new()])?;
//! assert_eq!(summary.last[0].metrics.accuracy, 1.);
//! # Ok(())
//! # }
//! ```
//!
//! # What else is here
//!
//! - [`Sgd`] and [`Adam`] with [`WeightDecay`], [`Gradients::clip`], [`CosineSchedule`] and
//!   [`WeightAverage`] serve a loop of one's own as well. On the processor a step with its average
//!   ([`Optimizer::step_with_average`]) is one pass over the memory.
//! - [`evaluate`] measures a network on an [`EvaluationSet`]; [`Tally`] and [`Confusion`] count what
//!   comes from elsewhere. The rates are scikit-learn's, with the calibration error of Guo et al.
//! - [`Console`] shows a run to a person, [`JsonLines`] to a program, [`StepTable`] and
//!   [`EvaluationTable`] to a spreadsheet, [`TensorBoard`] to that program; an [`Observer`] of one's own
//!   sees the same.
//! - [`Trainer::with_checkpoints`] writes the last and the best weights with a [`ModelCard`];
//!   [`Checkpoint`] reads them and refuses what does not fit. The best step is chosen on the set that
//!   the caller marks for it, and on no other.
//! - [`Trainer::with_snapshots`] saves everything between two steps, and [`Trainer::resume`] goes on from
//!   there, bit for bit; a [`Stop`] ends a run after the step that it is in.
//! - [`Weights`] reads named tensors from files of PyTorch and safetensors, without running anything.

mod checkpoint;
mod entries;
mod error;
mod evaluation_set;
#[cfg(test)]
mod fake;
#[doc(hidden)]
pub mod fault;
mod gradients;
mod metrics;
mod mismatches;
mod non_finite;
mod observe;
mod optim;
mod resident_memory;
mod schedule;
mod snapshot;
mod stop;
mod trainer;
mod weight_average;
mod weights;

pub use checkpoint::{
    Architecture, Checkpoint, ModelCard, Part, Preprocessing, save_checkpoint, write_atomically,
};
pub use error::{BoxError, Error, Result};
pub use evaluation_set::{Answers, Chunks, EvaluationSet, evaluate, evaluate_watched};
pub use gradients::Gradients;
pub use metrics::{ClassQuality, Confusion, Metrics, PseudoLabelQuality, Tally};
pub use mismatches::{Mismatches, Reshaped};
pub use non_finite::{BatchFaces, NonFinite};
pub use observe::{
    Best, Console, EvaluationReport, EvaluationTable, JsonLines, Observer, RunStart, RunSummary,
    SetMetrics, StepReport, StepTable, TensorBoard, Throughput, Warning,
};
pub use optim::{Adam, AdamConfig, Optimizer, OptimizerConfig, Sgd, SgdConfig, WeightDecay};
pub use schedule::{ConstantSchedule, CosineSchedule, Schedule};
pub use snapshot::{differences, last_snapshot};
pub use stop::Stop;
pub use trainer::{Learner, Resumed, SelectBy, TrainConfig, Trainer};
pub use weight_average::WeightAverage;
pub use weights::{Weights, assign};
