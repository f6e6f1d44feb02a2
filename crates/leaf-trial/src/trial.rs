//! A short run of a trainer.

use std::ops::Range;

use candle_core::Tensor;
use leaf_core::{LeafConfig, NoiseSource, Parameters, Random};
use leaf_ssl::{Algorithm, Batch, Context, LabeledFaces, Losses, Model, Result, Step};

use crate::faces::{batch, faces, labels};
use crate::{Dense, LABELED, network};

/// How many steps a whole run has; an epoch has three.
pub const STEPS: usize = 10;
const STEPS_PER_EPOCH: usize = 3;
const LEARNING_RATE: f64 = 0.1;
const EMA_DECAY: f64 = 0.9;

/// A student, the running average of its weights and the noise of both.
#[derive(Debug)]
pub struct Trial {
    /// The student's tensors.
    pub parameters: Parameters,
    /// The network that is trained.
    pub student: Model<Dense>,
    pub(crate) average_parameters: Parameters,
    average: Model<Dense>,
    pub(crate) noise: NoiseSource,
}

/// The labelled faces of the trial, all in one chunk.
struct AllLabeled;

impl LabeledFaces for AllLabeled {
    fn pass(&self, pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_> {
        let mut random = Random::new(8).split_index(pass as u64);
        let chunk = faces(&mut random, LABELED).and_then(|images| Ok((images, labels()?)));
        Box::new(std::iter::once(chunk))
    }
}

impl Trial {
    /// Initial weights of seed 0, with the heads that the algorithm asks for.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(leaf: &LeafConfig, algorithm: &dyn Algorithm) -> Result<Self> {
        let noise = NoiseSource::new(Random::new(7));
        let build = || -> Result<_> {
            let parameters = Parameters::new(0);
            let model = network(&parameters, leaf, &algorithm.heads(), &noise)?;
            Ok((parameters, model))
        };
        let (parameters, student) = build()?;
        let (average_parameters, average) = build()?;
        Ok(Self {
            parameters,
            student,
            average_parameters,
            average,
            noise,
        })
    }

    /// The losses of one step on that batch; no weight changes.
    ///
    /// # Errors
    /// Those of the algorithm.
    pub fn losses(
        &self,
        algorithm: &mut dyn Algorithm,
        batch: &Batch,
        index: usize,
    ) -> Result<Losses> {
        let context = Context::new(&self.student)
            .with_average(&self.average)
            .with_labeled(&AllLabeled);
        let step = Step::new(index, STEPS).with_epochs_of(STEPS_PER_EPOCH);
        algorithm.loss(&context, batch, step)
    }

    /// Plain gradient descent over these steps: the total losses.
    ///
    /// # Errors
    /// Those of the algorithm.
    pub fn train(
        &mut self,
        algorithm: &mut dyn Algorithm,
        steps: Range<usize>,
    ) -> Result<Vec<f64>> {
        let mut trace = Vec::new();
        for index in steps {
            let batch = batch(index, algorithm.views())?;
            let losses = self.losses(algorithm, &batch, index)?;
            trace.push(f64::from(losses.total.to_scalar::<f32>()?));
            let grads = losses.total.backward()?;
            drop(losses);
            for var in self.parameters.trainable().values() {
                if let Some(grad) = grads.get(var) {
                    var.set(&(var.as_detached_tensor() - (grad.detach() * LEARNING_RATE)?)?)?;
                }
            }
            self.follow()?;
        }
        Ok(trace)
    }

    fn follow(&self) -> Result<()> {
        let student = self.parameters.all();
        for (name, average) in self.average_parameters.all() {
            let new = (student[&name].as_detached_tensor() * (1. - EMA_DECAY))?;
            average.set(&((average.as_detached_tensor() * EMA_DECAY)? + new)?)?;
        }
        Ok(())
    }

    /// All weights and averages, bit for bit.
    ///
    /// # Errors
    /// Those of candle.
    pub fn bits(&self) -> Result<Vec<u32>> {
        let mut bits = Vec::new();
        for parameters in [&self.parameters, &self.average_parameters] {
            for var in parameters.all().values() {
                let values = var.flatten_all()?.to_vec1::<f32>()?;
                bits.extend(values.into_iter().map(f32::to_bits));
            }
        }
        Ok(bits)
    }

    /// Takes weights, averages and noise from another trial of the same form.
    ///
    /// # Errors
    /// When the forms differ.
    pub fn continue_from(&self, other: &Self) -> Result<()> {
        self.parameters.copy_from(&other.parameters)?;
        self.average_parameters
            .copy_from(&other.average_parameters)?;
        if let Some(state) = other.noise.state() {
            self.noise.restore(state);
        }
        Ok(())
    }
}
