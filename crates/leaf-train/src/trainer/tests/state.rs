//! Going on from a saved state, and states that do not fit.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var};
use leaf_ssl::{Batch, Losses, State, Stateful, Views, state_entry};

use super::*;
use crate::fake::{batches, values};

/// Keeps two numbers in variables, which its state shares, and loads one after the other in place.
#[derive(Debug)]
struct InPlace {
    numbers: [(&'static str, Var); 2],
    /// Whether it refuses every state.
    stubborn: bool,
}

impl InPlace {
    fn new(values: [f64; 2]) -> Result<Self> {
        let var = |value: f64| Var::new(value, &Device::Cpu);
        Ok(Self {
            numbers: [("first", var(values[0])?), ("second", var(values[1])?)],
            stubborn: false,
        })
    }
}

impl Algorithm for InPlace {
    fn name(&self) -> &str {
        "in place"
    }

    fn views(&self) -> Views {
        Views::NONE
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> leaf_ssl::Result<Losses> {
        for (_, number) in &self.numbers {
            number.set(&(number.as_detached_tensor() + 1.)?)?;
        }
        FakeAlgorithm::new().loss(context, batch, step)
    }
}

impl Stateful for InPlace {
    fn state(&self) -> leaf_ssl::Result<State> {
        let entries = self.numbers.iter();
        let entries = entries.map(|(name, var)| ((*name).to_owned(), var.as_detached_tensor()));
        Ok(entries.collect())
    }

    fn load_state(&mut self, state: &State) -> leaf_ssl::Result<()> {
        for (name, number) in &self.numbers {
            number.set(state_entry(state, name, &[])?)?;
            if self.stubborn {
                let name = format!("another {name}");
                return Err(leaf_ssl::Error::MissingState { name });
            }
        }
        Ok(())
    }
}

type InPlaceTrainer = Trainer<FakeNetwork, InPlace>;

fn in_place(numbers: [f64; 2], steps: usize) -> Result<InPlaceTrainer> {
    let student = learner(1)?;
    let optimizer = OptimizerConfig::default().build(&student.parameters.trainable())?;
    let config = TrainConfig {
        ema_decay: None,
        ..short()
    };
    let mut trainer = Trainer::new(config, student, InPlace::new(numbers)?, optimizer)?;
    for batch in batches(3).take(steps) {
        trainer.step(&batch?)?;
    }
    Ok(trainer)
}

/// A state as plain numbers.
fn numbers(state: &State) -> Result<BTreeMap<String, Vec<f64>>> {
    let entries = state.iter().map(|(name, tensor)| {
        let tensor = tensor.to_dtype(DType::F64)?.flatten_all()?;
        Ok((name.clone(), tensor.to_vec1()?))
    });
    entries.collect()
}

fn copied(state: State) -> Result<State> {
    let entries = state.into_iter();
    let entries = entries.map(|(name, tensor)| Ok((name, tensor.copy()?)));
    entries.collect()
}

/// The state after ten steps of another run, which differs in every entry.
fn other_state() -> Result<State> {
    copied(in_place([100., 200.], 10)?.state()?)
}

#[test]
fn going_on_from_a_saved_state_equals_not_stopping() -> Result<()> {
    let all: Vec<_> = batches(3).take(20).collect::<Result<_>>()?;
    let mut whole = trainer(short(), FakeAlgorithm::new())?;
    let mut first = trainer(short(), FakeAlgorithm::new())?;
    let mut second = trainer(short(), FakeAlgorithm::new())?;
    for batch in &all[..10] {
        whole.step(batch)?;
        first.step(batch)?;
    }
    second
        .student()
        .parameters
        .copy_from(&first.student().parameters)?;
    let average = |trainer: &FakeTrainer| trainer.average().expect("an average").parameters.clone();
    average(&second).copy_from(&average(&first))?;
    assert!(second.load_state(&first.state()?, 41).is_err());
    assert!(second.load_state(&State::new(), 10).is_err());
    second.load_state(&first.state()?, first.done())?;
    for batch in &all[10..] {
        whole.step(batch)?;
        second.step(batch)?;
    }
    let (a, b) = (whole.student(), second.student());
    assert_eq!(values(&a.parameters)?, values(&b.parameters)?);
    assert_eq!(values(&average(&whole))?, values(&average(&second))?);
    assert_eq!(second.algorithm().losses, 20);
    Ok(())
}

#[test]
fn entries_that_nothing_reads_are_refused() -> Result<()> {
    let mut trainer = in_place([1., 2.], 0)?;
    for entry in ["algorithm.thresholds", "optimizer.velocity.classifier.mask"] {
        let mut state = copied(trainer.state()?)?;
        trainer.load_state(&state, 0)?;
        let number = Tensor::new(0f32, &Device::Cpu)?;
        state.insert("optimizers.kind".to_owned(), number.clone());
        state.insert("mine".to_owned(), number.clone());
        trainer.load_state(&state, 0)?;
        state.insert(entry.to_owned(), number);
        let error = trainer.load_state(&state, 0).unwrap_err().to_string();
        let name = entry.strip_prefix("optimizer.").unwrap_or(entry);
        assert!(error.contains(name), "{error}");
    }
    Ok(())
}

/// Makes a state wrong.
type Change<'a> = &'a dyn Fn(&mut State);

#[test]
fn a_state_that_does_not_fit_changes_nothing() -> Result<()> {
    let number = Tensor::new(&[1f64, 2.], &Device::Cpu)?;
    let entry = |name: &str| (name.to_owned(), number.clone());
    let changes: [(&str, Change<'_>); 6] = [
        // The optimizer refuses.
        ("velocity.classifier.bias", &|state| {
            state.remove("optimizer.velocity.classifier.bias");
        }),
        ("velocity.extra", &|state| {
            state.extend([entry("optimizer.velocity.extra")]);
        }),
        // The optimizer has loaded, and the algorithm refuses before and after its first number.
        ("\"first\"", &|state| {
            state.remove("algorithm.first");
        }),
        ("\"second\"", &|state| {
            state.remove("algorithm.second");
        }),
        ("\"second\"", &|state| {
            state.extend([entry("algorithm.second")]);
        }),
        // Both have loaded.
        ("\"algorithm.third\"", &|state| {
            state.extend([entry("algorithm.third")]);
        }),
    ];
    let mut trainer = in_place([1., 2.], 3)?;
    let before = numbers(&trainer.state()?)?;
    for (named, change) in changes {
        let mut state = other_state()?;
        for (name, values) in numbers(&state)? {
            assert_ne!(values, before[&name], "{name} would be seen to change");
        }
        change(&mut state);
        let error = trainer.load_state(&state, 10).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(named), "{text}");
        assert!(!matches!(error, Error::NotTakenBack { .. }), "{text}");
        assert_eq!(numbers(&trainer.state()?)?, before, "{named}");
        assert_eq!(trainer.done(), 3);
    }
    // Going on equals never having tried.
    let mut untouched = in_place([1., 2.], 3)?;
    for batch in batches(4).take(3) {
        let batch = batch?;
        trainer.step(&batch)?;
        untouched.step(&batch)?;
    }
    let weights = |trainer: &InPlaceTrainer| values(&trainer.student().parameters);
    assert_eq!(weights(&trainer)?, weights(&untouched)?);
    assert_eq!(numbers(&trainer.state()?)?, numbers(&untouched.state()?)?);
    // And the state as it was taken fits.
    trainer.load_state(&other_state()?, 10)?;
    assert_eq!(numbers(&trainer.state()?)?, numbers(&other_state()?)?);
    assert_eq!(trainer.done(), 10);
    Ok(())
}

#[test]
fn an_algorithm_that_refuses_its_own_state_is_reported() -> Result<()> {
    let mut trainer = in_place([1., 2.], 3)?;
    let before = numbers(&trainer.state()?)?;
    trainer.algorithm.stubborn = true;
    let error = trainer.load_state(&other_state()?, 10).unwrap_err();
    assert!(matches!(error, Error::NotTakenBack { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the saved state has no entry \"another first\"; and the state before it could not be taken \
         back: the saved state has no entry \"another first\""
    );
    // The optimizer is as it was all the same.
    let after = numbers(&trainer.state()?)?;
    let optimizer = |(name, _): &(&String, &Vec<f64>)| name.starts_with("optimizer.");
    let kept: Vec<_> = before.iter().filter(optimizer).collect();
    assert!(!kept.is_empty());
    assert_eq!(after.iter().filter(optimizer).collect::<Vec<_>>(), kept);
    assert_eq!(trainer.done(), 3);
    Ok(())
}

/// The page of [`Trainer::state`] says so.
#[test]
fn the_best_step_is_not_in_the_state() -> Result<()> {
    let validation = [set("validation", 55)?.for_selection()];
    let mut first = trainer(short(), FakeAlgorithm::new())?;
    let best = first.run(batches(3), &validation, &mut [])?.best;
    assert!(best.is_some());
    let mut second = trainer(short(), FakeAlgorithm::new())?;
    second.load_state(&first.state()?, 40)?;
    assert_eq!(second.run(batches(3), &validation, &mut [])?.best, None);
    first.load_state(&first.state()?, 40)?;
    assert_eq!(first.run(batches(3), &validation, &mut [])?.best, best);
    Ok(())
}
