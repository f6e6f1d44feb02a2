//! Whole runs of a small network.

mod output;
mod resuming;
mod runs;
mod skipping;
mod state;
mod steps;
mod truth;

use super::*;
use crate::fake::{FakeAlgorithm, FakeNetwork, faces};
use crate::{EvaluationSet, OptimizerConfig};

fn learner(seed: u64) -> Result<Learner<FakeNetwork>> {
    let (network, parameters) = FakeNetwork::new(seed)?;
    Ok(Learner {
        network,
        parameters,
    })
}

fn short() -> TrainConfig {
    TrainConfig {
        steps: 40,
        eval_every: 15,
        ema_decay: Some(0.9),
        ..TrainConfig::default()
    }
}

type FakeTrainer = Trainer<FakeNetwork, FakeAlgorithm>;

fn trainer(config: TrainConfig, algorithm: FakeAlgorithm) -> Result<FakeTrainer> {
    let student = learner(1)?;
    let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
    let average = config.ema_decay.is_some();
    let trainer = Trainer::new(config, student, algorithm, optimizer)?;
    if average {
        return trainer.with_average(learner(2)?);
    }
    Ok(trainer)
}

fn set<'a>(name: &str, seed: u64) -> Result<EvaluationSet<'a>> {
    Ok(EvaluationSet::new(name, vec![faces(seed, 150)?]))
}
