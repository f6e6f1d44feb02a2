//! The running average of a network's weights.

use std::collections::HashMap;

use candle_core::{Tensor, TensorId, Var};
use leaf_core::Parameters;

use crate::entries::{self, Mix};
use crate::{Error, Mismatches, Result};

/// The running average of a network's tensors, kept in a second network of the same form.
///
/// After every step `average <- decay average + (1 - decay) student`, for parameters and for the
/// running statistics of batch norm alike; whole numbers (such as counters) are copied. The average
/// is a network of its own, with variables of its own: candle writes variables in place, so lending
/// them between networks would reach into recorded graphs.
///
/// An optimizer can do this in the same pass over the memory as its own step:
/// [`crate::Optimizer::step_with_average`].
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use leaf_core::{Parameters, linear};
/// use leaf_train::WeightAverage;
///
/// # fn main() -> leaf_train::Result<()> {
/// let (student, average) = (Parameters::new(0), Parameters::new(1));
/// for parameters in [&student, &average] {
///     linear(3, 2, parameters.builder(DType::F32, &Device::Cpu))?;
/// }
/// let tracker = WeightAverage::new(0.9, &student, &average)?;
/// tracker.copy()?;
/// student.all()["bias"].set(&Tensor::new(&[1f32, 1.], &Device::Cpu)?)?;
/// tracker.update()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WeightAverage {
    pairs: Vec<Pair>,
    mix: Mix,
    plain: bool,
}

#[derive(Clone, Debug)]
struct Pair {
    student: Var,
    average: Var,
}

impl WeightAverage {
    /// Ties the two networks together without changing either.
    ///
    /// # Errors
    /// If `decay` is not in `[0, 1)`, if names or shapes differ (all are listed), or if the networks
    /// share a variable.
    pub fn new(decay: f64, student: &Parameters, average: &Parameters) -> Result<Self> {
        if !(0. ..1.).contains(&decay) {
            return Err(Error::OutOfRange {
                field: "ema_decay",
                value: decay,
                expected: "at least 0 and below 1",
            });
        }
        let (student, average) = (student.all(), average.all());
        let shapes = |vars: &std::collections::BTreeMap<String, Var>| {
            let entries = vars.iter();
            let entries = entries.map(|(name, var)| (name.clone(), var.dims().to_vec()));
            entries.collect::<Vec<_>>()
        };
        let mismatches = Mismatches::between(shapes(&student), shapes(&average));
        if !mismatches.is_empty() {
            return Err(Error::AverageMismatch { mismatches });
        }
        let mut pairs = Vec::with_capacity(student.len());
        // Both are sorted, and the names are the same.
        for ((name, student), average) in student.into_iter().zip(average.into_values()) {
            if student.id() == average.id() {
                return Err(Error::AverageShared { name });
            }
            pairs.push(Pair { student, average });
        }
        Ok(Self {
            pairs,
            mix: Mix { decay },
            plain: false,
        })
    }

    /// The same average by candle's operations alone, as on a GPU: several passes over the memory instead
    /// of one. The numbers are the same; it is there to compare with.
    pub fn plain(self) -> Self {
        Self {
            plain: true,
            ..self
        }
    }

    /// The share of the average that each step keeps.
    pub fn decay(&self) -> f64 {
        self.mix.decay
    }

    /// Starts afresh: the average becomes the student.
    ///
    /// # Errors
    /// Those of candle.
    pub fn copy(&self) -> Result<()> {
        for pair in &self.pairs {
            pair.copy()?;
        }
        Ok(())
    }

    /// Takes the student's present weights into the average.
    ///
    /// # Errors
    /// Those of candle.
    pub fn update(&self) -> Result<()> {
        for pair in &self.pairs {
            self.tracked(pair).update()?;
        }
        Ok(())
    }

    /// The average of each variable in a list, and the averages of all other variables. Every average is
    /// there once: for a variable that is listed twice, at its last place.
    pub(crate) fn by_variable<'a>(
        &'a self,
        variables: impl DoubleEndedIterator<Item = &'a Var>,
    ) -> (Vec<Option<Tracked<'a>>>, Vec<Tracked<'a>>) {
        let mut others = Vec::new();
        let mut by_id: HashMap<TensorId, Tracked> = HashMap::with_capacity(self.pairs.len());
        for pair in &self.pairs {
            others.extend(by_id.insert(pair.student.id(), self.tracked(pair)));
        }
        let from_the_last = variables.rev().map(|var| by_id.remove(&var.id()));
        let mut listed: Vec<_> = from_the_last.collect();
        listed.reverse();
        others.extend(by_id.into_values());
        (listed, others)
    }

    fn tracked<'a>(&self, pair: &'a Pair) -> Tracked<'a> {
        Tracked {
            pair,
            mix: self.mix,
            plain: self.plain,
        }
    }
}

impl Pair {
    fn copy(&self) -> Result<()> {
        let value = self.student.as_detached_tensor();
        Ok(self.average.set(&value.to_dtype(self.average.dtype())?)?)
    }
}

/// One variable's average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracked<'a> {
    pair: &'a Pair,
    mix: Mix,
    plain: bool,
}

impl<'a> Tracked<'a> {
    /// What a pass over the variable needs in order to update the average along with it, unless that
    /// cannot be.
    pub(crate) fn in_pass(self) -> Option<(&'a Tensor, Mix)> {
        let Pair { student, average } = self.pair;
        let fits = !self.plain && average.dtype() == student.dtype();
        fits.then(|| (average.as_tensor(), self.mix))
    }

    /// Takes the variable's present value into the average.
    pub(crate) fn update(self) -> Result<()> {
        let Pair { student, average } = self.pair;
        if !average.dtype().is_float() {
            return self.pair.copy();
        }
        if !self.plain && entries::renew(self.mix, [average], student, None)? {
            return Ok(());
        }
        self.update_plainly()
    }

    fn update_plainly(self) -> Result<()> {
        let old = self.pair.average.as_detached_tensor();
        let new = self.pair.student.as_detached_tensor();
        let new = new.to_dtype(old.dtype())?;
        let Mix { decay } = self.mix;
        let mixed = ((old * decay)? + (new * (1. - decay))?)?;
        Ok(self.pair.average.set(&mixed)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};
    use candle_nn::Init;

    use super::*;

    /// A weight, a running mean, and a counter, all with the given value.
    fn parameters(value: f64) -> Result<Parameters> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        vb.get_with_hints((1, 2), "weight", Init::Const(value))?;
        vb.get_with_hints(2, "running_mean", Init::Const(value))?;
        vb.to_dtype(DType::I64)
            .get_with_hints(1, "num_batches_tracked", Init::Const(value))?;
        Ok(parameters)
    }

    fn value(parameters: &Parameters, name: &str) -> Result<f64> {
        let tensor = parameters.all()[name].flatten_all()?;
        Ok(tensor.to_dtype(DType::F64)?.to_vec1::<f64>()?[0])
    }

    #[test]
    fn statistics_are_averaged_and_counters_copied() -> Result<()> {
        let (student, average) = (parameters(8.)?, parameters(0.)?);
        let tracker = WeightAverage::new(0.75, &student, &average)?;
        assert_eq!(value(&average, "weight")?, 0., "nothing happens on its own");
        tracker.update()?;
        assert_eq!(value(&average, "weight")?, 2.);
        assert_eq!(value(&average, "running_mean")?, 2.);
        assert_eq!(value(&average, "num_batches_tracked")?, 8.);
        assert_eq!(value(&student, "weight")?, 8.);
        tracker.copy()?;
        assert_eq!(value(&average, "weight")?, 8.);
        Ok(())
    }

    #[test]
    fn the_average_is_a_network_of_its_own() -> Result<()> {
        let (student, average) = (parameters(8.)?, parameters(0.)?);
        WeightAverage::new(0., &student, &average)?.update()?;
        let other = Tensor::new(&[[1f64, 1.]], &Device::Cpu)?;
        student.all()["weight"].set(&other)?;
        assert_eq!(value(&average, "weight")?, 8.);
        let error = WeightAverage::new(0.9, &student, &student.clone()).unwrap_err();
        assert!(matches!(error, Error::AverageShared { .. }), "{error}");
        Ok(())
    }

    #[test]
    fn other_names_and_decays_are_refused() -> Result<()> {
        let student = parameters(0.)?;
        let vb = student.builder(DType::F64, &Device::Cpu);
        vb.get(3, "extra")?;
        let error = WeightAverage::new(0.9, &student, &parameters(0.)?).unwrap_err();
        assert!(error.to_string().ends_with("missing extra"), "{error}");
        for decay in [-0.1, 1., f64::NAN] {
            assert!(WeightAverage::new(decay, &student, &student).is_err());
        }
        Ok(())
    }
}
