//! A trainer that can be ended at any instant and goes on as if it had not been.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use leaf_core::{NoiseSource, Parameters};
use leaf_ssl::{Algorithm, Network, State};
use serde_json::Value;

use super::Trainer;
use crate::metrics::PseudoLabelTally;
use crate::snapshot::{BestRecord, Record, SnapshotFolder, part};
use crate::{BatchFaces, Best, Error, Mismatches, Observer, Part, Result, Stop};

/// What is kept of a run, and by what it is known.
#[derive(Debug)]
pub(super) struct Snapshots {
    folder: SnapshotFolder,
    run: Value,
    noise: NoiseSource,
}

/// Where a run goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// How many steps were done.
    pub step: usize,
    /// How many bytes the file of each observer had then, by the name that
    /// [`Observer::written`] gives: what comes after them is written again.
    pub written: BTreeMap<String, u64>,
    /// Newer checkpoints that are damaged, and how.
    pub damaged: Vec<String>,
}

/// The part of a snapshot's tensors that the trainer itself keeps.
const TRAINER: &str = "trainer";
const PSEUDO_LABELS: &str = "pseudo_labels";
const BEST_VALUE: &str = "best_value";
const CLASSIFIER_NORM: &str = "classifier_norm";

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// Writes everything that the run needs to go on into a folder, which is made if it is not there:
    /// every [`crate::TrainConfig::checkpoint_every`] steps, and when a [`Stop`] ends the run. The last
    /// [`crate::TrainConfig::keep`] are kept.
    ///
    /// `run` says what the run is, in full: configuration, faces, split, classes, device. A checkpoint of a
    /// run that differs in any of it is refused. `noise` is what the networks draw from.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be made.
    pub fn with_snapshots(
        mut self,
        folder: &Path,
        run: Value,
        noise: &NoiseSource,
    ) -> Result<Self> {
        self.snapshots = Some(Snapshots {
            folder: SnapshotFolder::new(folder, self.config.keep)?,
            run,
            noise: noise.clone(),
        });
        Ok(self)
    }

    /// Removes the checkpoints of an earlier run from the folder, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that cannot be removed.
    pub fn forget_snapshots(&self) -> Result<()> {
        match &self.snapshots {
            Some(snapshots) => snapshots.folder.clear(),
            None => Ok(()),
        }
    }

    /// Writes a checkpoint before the first step too: for a start that cannot be made a second time, such as
    /// from weights that the run itself may replace.
    #[must_use]
    pub fn saving_the_start(mut self) -> Self {
        self.saves_the_start = true;
        self
    }

    /// Ends the run after the step in which it is asked for.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// With the names of the faces in the batch of a step (from 0), for errors.
    #[must_use]
    pub fn with_faces(mut self, faces: impl Fn(usize) -> BatchFaces + 'static) -> Self {
        self.faces = Some(Box::new(faces));
        self
    }

    /// Goes on from the newest checkpoint that is whole; without any it stays at step 0.
    ///
    /// # Errors
    /// [`Error::OtherFormat`] or [`Error::OtherRun`] if the newest one is of a newer version or of another
    /// run, [`Error::NotACheckpoint`] if none is whole, and those of [`Trainer::load_state`]. After one the
    /// trainer must not be used.
    pub fn resume(&mut self) -> Result<Option<Resumed>> {
        let Some(snapshots) = &self.snapshots else {
            return Ok(None);
        };
        let Some(found) = snapshots.folder.newest(&snapshots.run)? else {
            return Ok(None);
        };
        let record = found.record;
        if let Some(state) = record.noise {
            snapshots.noise.restore(state);
        }
        let tensors = self.placed(found.tensors)?;
        for (which, parameters) in self.parts() {
            load(which, parameters, &part(&tensors, which.name()))?;
        }
        self.load_state(&tensors, record.step)?;
        self.load_counts(&record, &part(&tensors, TRAINER))?;
        Ok(Some(Resumed {
            step: record.step,
            written: record.written,
            damaged: found.damaged,
        }))
    }

    /// Tensors of the algorithm where its own are; all others where the network is.
    fn placed(&self, tensors: State) -> Result<State> {
        let own = self.state()?;
        let network = self.student.parameters.all().into_values().next();
        let network = network.map_or(Device::Cpu, |var| var.device().clone());
        let placed = tensors.into_iter().map(|(name, tensor)| {
            let device = own.get(&name).map_or(&network, |own| own.device());
            Ok((name, tensor.to_device(device)?))
        });
        placed.collect()
    }

    fn load_counts(&mut self, record: &Record, tensors: &State) -> Result<()> {
        self.pseudo_labels = PseudoLabelTally::from_numbers(
            self.student.network.num_classes(),
            &numbers(tensors, PSEUDO_LABELS)?,
        )?;
        self.best = match &record.best {
            None => None,
            Some(best) => Some(Best {
                step: best.step,
                set: best.set.clone(),
                value: number(tensors, BEST_VALUE)?,
            }),
        };
        self.classifier_norm = match tensors.contains_key(CLASSIFIER_NORM) {
            false => None,
            true => Some(number(tensors, CLASSIFIER_NORM)?),
        };
        self.watch.go_on(record.silent);
        self.skipped = record.skipped;
        self.skipped_in_a_row = record.skipped_in_a_row;
        self.seconds_before = record.seconds;
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.go_on(self.best.is_some());
        }
        Ok(())
    }

    /// Writes a checkpoint if one is due or the run is to end, which it then does.
    pub(super) fn save_if_due(
        &self,
        observers: &mut [&mut dyn Observer],
        seconds: f64,
    ) -> Result<()> {
        let (done, total) = (self.done, self.config.steps);
        if done == total {
            return Ok(());
        }
        let stopped = self.stop.is_requested();
        let every = self.config.checkpoint_every;
        if !stopped && !every.is_some_and(|every| done.is_multiple_of(every)) {
            return Ok(());
        }
        let checkpoint = self.save(observers, seconds)?;
        match stopped {
            false => Ok(()),
            true => Err(Error::Stopped {
                step: done,
                total,
                checkpoint,
            }),
        }
    }

    /// Writes a checkpoint, if there is a folder for them.
    pub(super) fn save(
        &self,
        observers: &mut [&mut dyn Observer],
        seconds: f64,
    ) -> Result<Option<PathBuf>> {
        let Some(snapshots) = &self.snapshots else {
            return Ok(None);
        };
        let mut written = BTreeMap::new();
        for observer in observers.iter_mut() {
            written.extend(observer.written()?);
        }
        let best = self.best.as_ref();
        let record = Record {
            format: crate::snapshot::FORMAT,
            step: self.done,
            run: snapshots.run.clone(),
            noise: snapshots.noise.state(),
            best: best.map(|best| BestRecord {
                step: best.step,
                set: best.set.clone(),
            }),
            silent: self.watch.silent(),
            skipped: self.skipped,
            skipped_in_a_row: self.skipped_in_a_row,
            written,
            seconds: self.seconds_before + seconds,
            tensors: Default::default(),
        };
        let path = snapshots.folder.write(record, &self.tensors()?)?;
        Ok(Some(path))
    }

    /// Everything between two steps that is a tensor, or a number of which no bit may be lost.
    fn tensors(&self) -> Result<State> {
        let mut tensors = self.state()?;
        for (part, parameters) in self.parts() {
            let vars = parameters.all().into_iter();
            tensors.extend(vars.map(|(name, var)| {
                let name = format!("{}.{name}", part.name());
                (name, var.as_detached_tensor())
            }));
        }
        let mut keep = |name: &str, numbers: &[f64]| -> Result<()> {
            let tensor = Tensor::new(numbers, &Device::Cpu)?;
            tensors.insert(format!("{TRAINER}.{name}"), tensor);
            Ok(())
        };
        keep(PSEUDO_LABELS, &self.pseudo_labels.to_numbers())?;
        if let Some(best) = &self.best {
            keep(BEST_VALUE, &[best.value])?;
        }
        if let Some(norm) = self.classifier_norm {
            keep(CLASSIFIER_NORM, &[norm])?;
        }
        Ok(tensors)
    }

    /// The newest checkpoint, if there is one.
    pub(super) fn last_snapshot(&self) -> Option<PathBuf> {
        self.snapshots.as_ref()?.folder.last()
    }
}

fn numbers(tensors: &State, name: &str) -> Result<Vec<f64>> {
    let missing = || leaf_ssl::Error::MissingState {
        name: format!("{TRAINER}.{name}"),
    };
    Ok(tensors.get(name).ok_or_else(missing)?.to_vec1()?)
}

fn number(tensors: &State, name: &str) -> Result<f64> {
    let tensor = leaf_ssl::state_entry(tensors, name, &[1])?;
    Ok(tensor.to_vec1()?[0])
}

/// Gives a network its tensors, all or none.
fn load(which: Part, parameters: &Parameters, tensors: &BTreeMap<String, Tensor>) -> Result<()> {
    let vars = parameters.all();
    let expected = vars.iter();
    let expected = expected.map(|(name, var)| (name.clone(), var.dims().to_vec()));
    let found = tensors.iter();
    let found = found.map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()));
    let mismatches = Mismatches::between(expected, found);
    if !mismatches.is_empty() {
        return Err(Error::SnapshotTensors {
            part: which.name(),
            mismatches,
        });
    }
    for (var, tensor) in vars.values().zip(tensors.values()) {
        var.set(tensor)?;
    }
    Ok(())
}
