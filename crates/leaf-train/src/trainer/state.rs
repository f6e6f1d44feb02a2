//! What a trainer keeps between steps, and how it goes on from there.

use leaf_ssl::{Algorithm, Network, State, part_of_state};

use super::Trainer;
use crate::{Error, Result};

const OPTIMIZER: &str = "optimizer";
const ALGORITHM: &str = "algorithm";

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// What the optimizer and the algorithm keep between steps, as `optimizer.NAME` and
    /// `algorithm.NAME`. With both networks' tensors, the state of their noise if they draw any, and
    /// [`Trainer::done`] it is all that the same further steps need.
    ///
    /// What changes no step is not in it: the best step so far, the watch for a selection that lets
    /// nothing pass, and the tally of pseudo-labels since the last evaluation. A new trainer begins
    /// these afresh: its first evaluation is the best one so far and takes the place of an earlier
    /// `best.safetensors` in the same folder.
    ///
    /// # Errors
    /// Those of candle and of the algorithm.
    pub fn state(&self) -> Result<State> {
        let mut state = State::new();
        for (part, entries) in [
            (OPTIMIZER, self.optimizer.state()?),
            (ALGORITHM, self.algorithm.state()?),
        ] {
            let entries = entries.into_iter();
            state.extend(entries.map(|(name, tensor)| (format!("{part}.{name}"), tensor)));
        }
        Ok(state)
    }

    /// Goes on after step `done`, where [`Trainer::state`] was taken. The networks' tensors and noise
    /// are the caller's to restore, and so is every entry that starts with neither `optimizer.` nor
    /// `algorithm.`. What is not in the state stays as it is.
    ///
    /// It is all or nothing: after an error the trainer stands where it stood, with the state that it
    /// had.
    ///
    /// # Errors
    /// When an entry is missing, does not fit or is read by nothing, or `done` is more than the run's
    /// steps; [`Error::NotTakenBack`] if the optimizer or the algorithm then refuses its own state.
    pub fn load_state(&mut self, state: &State, done: usize) -> Result<()> {
        if done > self.config.steps {
            return Err(Error::OutOfRange {
                field: "done",
                value: done as f64,
                expected: "at most the steps of the run",
            });
        }
        let before = copied(&self.state()?)?;
        if let Err(refused) = self.load_parts(state) {
            return Err(self.take_back(&before, refused));
        }
        self.done = done;
        Ok(())
    }

    fn load_parts(&mut self, state: &State) -> Result<()> {
        self.optimizer
            .load_state(&part_of_state(state, OPTIMIZER))?;
        self.algorithm
            .load_state(&part_of_state(state, ALGORITHM))?;
        self.refuse_unread(state)
    }

    /// An entry that nothing read would be lost in silence.
    fn refuse_unread(&self, state: &State) -> Result<()> {
        let read = self.state()?;
        let ours = |name: &str| {
            let part = name.split_once('.').map(|(part, _)| part);
            part.is_some_and(|part| part == OPTIMIZER || part == ALGORITHM)
        };
        let mut names = state.keys();
        match names.find(|name| ours(name) && !read.contains_key(*name)) {
            None => Ok(()),
            Some(name) => Err(leaf_ssl::Error::UnknownState { name: name.clone() }.into()),
        }
    }

    /// Loads the state that the trainer had, in both parts even if one refuses. Returns what to report.
    fn take_back(&mut self, before: &State, refused: Error) -> Error {
        let optimizer = self.optimizer.load_state(&part_of_state(before, OPTIMIZER));
        let algorithm = self.algorithm.load_state(&part_of_state(before, ALGORITHM));
        match optimizer.and(algorithm.map_err(Error::from)) {
            Ok(()) => refused,
            Err(source) => Error::NotTakenBack {
                refused: refused.to_string(),
                source: Box::new(source),
            },
        }
    }
}

/// Tensors of their own: an algorithm may load into variables in place, which its state may share.
pub(super) fn copied(state: &State) -> Result<State> {
    let entries = state.iter();
    entries
        .map(|(name, tensor)| Ok((name.clone(), tensor.copy()?)))
        .collect()
}
