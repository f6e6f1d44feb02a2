//! What a trainer keeps between steps, in a form that safetensors can hold.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// A trainer's state by name.
pub type State = BTreeMap<String, Tensor>;

/// The entry of that name.
///
/// # Errors
/// [`Error::MissingState`] without one, [`Error::StateShape`] if its shape is not `expected`.
pub fn state_entry<'a>(state: &'a State, name: &str, expected: &[usize]) -> Result<&'a Tensor> {
    let tensor = state.get(name).ok_or_else(|| Error::MissingState {
        name: name.to_owned(),
    })?;
    if tensor.dims() != expected {
        return Err(Error::StateShape {
            name: name.to_owned(),
            expected: expected.to_vec(),
            found: tensor.dims().to_vec(),
        });
    }
    Ok(tensor)
}

/// A part of an algorithm that may keep something between steps; most keep nothing.
pub trait Stateful {
    /// Everything that is kept between steps.
    ///
    /// # Errors
    /// Those of candle.
    fn state(&self) -> Result<State> {
        Ok(State::new())
    }

    /// Goes on where [`Stateful::state`] was taken.
    ///
    /// # Errors
    /// When an entry is missing or does not fit.
    fn load_state(&mut self, _state: &State) -> Result<()> {
        Ok(())
    }
}

impl<S: Stateful + ?Sized> Stateful for Box<S> {
    fn state(&self) -> Result<State> {
        (**self).state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        (**self).load_state(state)
    }
}

/// A part that is switched off keeps nothing.
impl<S: Stateful> Stateful for Option<S> {
    fn state(&self) -> Result<State> {
        self.as_ref()
            .map_or_else(|| Ok(State::new()), Stateful::state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.as_mut().map_or(Ok(()), |part| part.load_state(state))
    }
}

/// The entries of several parts, each under its part's name.
///
/// # Errors
/// Those of the parts.
pub fn joined_state<'a>(
    parts: impl IntoIterator<Item = (&'a str, &'a dyn Stateful)>,
) -> Result<State> {
    let mut joined = State::new();
    for (part, stateful) in parts {
        let entries = stateful.state()?;
        joined.extend(
            entries
                .into_iter()
                .map(|(name, value)| (format!("{part}.{name}"), value)),
        );
    }
    Ok(joined)
}

/// The entries of one part, as it named them.
pub fn part_of_state(state: &State, part: &str) -> State {
    let entries = state.iter().filter_map(|(name, value)| {
        let name = name.strip_prefix(part)?.strip_prefix('.')?;
        Some((name.to_owned(), value.clone()))
    });
    entries.collect()
}
