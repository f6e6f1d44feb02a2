//! Labelled faces that a network is measured on.

use candle_core::Tensor;
use leaf_core::{HeadOutput, Mode};
use leaf_ssl::Network;

use crate::{BoxError, Error, Metrics, Result, Tally};

/// Images `(N, channels, height, width)` and labels `(N,)`, chunk by chunk.
pub type Chunks<'a> = Box<dyn Iterator<Item = Result<(Tensor, Tensor), BoxError>> + 'a>;

/// Labelled faces under a name, which can be gone through again and again.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use leaf_train::EvaluationSet;
///
/// # fn main() -> candle_core::Result<()> {
/// let images = Tensor::zeros((2, 1, 32, 32), candle_core::DType::F32, &Device::Cpu)?;
/// let labels = Tensor::new(&[0u32, 1], &Device::Cpu)?;
/// let validation = EvaluationSet::new("validation", vec![(images, labels)]).for_selection();
/// assert!(validation.is_for_selection());
/// # Ok(())
/// # }
/// ```
pub struct EvaluationSet<'a> {
    name: String,
    for_selection: bool,
    chunks: Box<dyn Fn() -> Chunks<'a> + 'a>,
}

impl std::fmt::Debug for EvaluationSet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluationSet")
            .field("name", &self.name)
            .field("for_selection", &self.for_selection)
            .finish_non_exhaustive()
    }
}

impl<'a> EvaluationSet<'a> {
    /// Chunks that are kept in memory.
    pub fn new(name: impl Into<String>, chunks: Vec<(Tensor, Tensor)>) -> Self {
        Self::from_fn(name, move || Box::new(chunks.clone().into_iter().map(Ok)))
    }

    /// Chunks that are made anew for each evaluation; they must be the same each time.
    pub fn from_fn(name: impl Into<String>, chunks: impl Fn() -> Chunks<'a> + 'a) -> Self {
        Self {
            name: name.into(),
            for_selection: false,
            chunks: Box::new(chunks),
        }
    }

    /// Chooses the best step on this set: a validation set, never the set that results are
    /// reported on.
    #[must_use]
    pub fn for_selection(mut self) -> Self {
        self.for_selection = true;
        self
    }

    /// The set's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the best step is chosen on this set.
    pub fn is_for_selection(&self) -> bool {
        self.for_selection
    }
}

/// What a network says of one chunk of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    /// The set's name.
    pub set: &'a str,
    /// How many faces of the set came before these: 0 begins an evaluation.
    pub before: usize,
    /// The faces' classes `(N,)`.
    pub labels: &'a Tensor,
    /// Logits, features and the gates' decisions.
    pub output: &'a HeadOutput,
}

/// Measures a network in [`Mode::Eval`], which changes neither its parameters nor its running
/// statistics and keeps no graph.
///
/// # Errors
/// [`Error::EmptySet`], [`Error::EvaluationData`] if the chunks fail, those of [`Tally::add`] and of
/// the network.
pub fn evaluate(network: &dyn Network, set: &EvaluationSet) -> Result<Metrics> {
    evaluate_watched(network, set, &mut |_| Ok(()))
}

/// As [`evaluate`], with a look at every chunk's answers in the order of the faces.
///
/// # Errors
/// Those of [`evaluate`] and of who looks.
pub fn evaluate_watched(
    network: &dyn Network,
    set: &EvaluationSet,
    watch: &mut dyn FnMut(&Answers) -> Result<()>,
) -> Result<Metrics> {
    let mut tally = Tally::new(network.num_classes())?;
    for chunk in (set.chunks)() {
        let (images, labels) = chunk.map_err(|source| Error::EvaluationData {
            set: set.name.clone(),
            source,
        })?;
        let features = network.encode(&images, Mode::Eval)?;
        let output = network.head(&features, Mode::Eval)?;
        let before = tally.total() as usize;
        tally.add(&output.logits, &labels)?;
        watch(&Answers {
            set: &set.name,
            before,
            labels: &labels,
            output: &output,
        })?;
    }
    if tally.total() == 0 {
        return Err(Error::EmptySet {
            set: set.name.clone(),
        });
    }
    Ok(tally.metrics())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeNetwork, faces};

    #[test]
    fn chunks_add_up_and_nothing_is_touched() -> Result<()> {
        let (network, parameters) = FakeNetwork::new(0)?;
        let before = crate::fake::values(&parameters)?;
        let (images, labels) = faces(1, 12)?;
        let whole = EvaluationSet::new("test", vec![(images.clone(), labels.clone())]);
        let parts = EvaluationSet::from_fn("test", || {
            let chunk = |start: usize, length: usize| {
                let images = images.narrow(0, start, length)?;
                Ok((images, labels.narrow(0, start, length)?))
            };
            Box::new([chunk(0, 5), chunk(5, 7)].into_iter())
        });
        let metrics = evaluate(&network, &whole)?;
        let mut seen = Vec::new();
        let again = evaluate_watched(&network, &parts, &mut |answers| {
            let rows = answers.output.logits.dim(0)?;
            assert_eq!(answers.labels.dims(), [rows]);
            seen.push((answers.set.to_owned(), answers.before, rows));
            Ok(())
        })?;
        let parts = [(0, 5), (5, 7)].map(|(before, rows)| ("test".to_owned(), before, rows));
        assert_eq!(seen, parts);
        assert_eq!(metrics.confusion, again.confusion);
        assert!((metrics.loss - again.loss).abs() < 1e-9);
        assert_eq!(metrics.faces, 12);
        assert_eq!(crate::fake::values(&parameters)?, before);
        Ok(())
    }

    #[test]
    fn empty_and_broken_sets_are_named() -> Result<()> {
        let (network, _) = FakeNetwork::new(0)?;
        let empty = evaluate(&network, &EvaluationSet::new("validation", vec![])).unwrap_err();
        assert!(empty.to_string().contains("\"validation\" has 0 faces"));
        let broken = EvaluationSet::from_fn("test", || {
            Box::new(std::iter::once(Err("face 3 is no image".into())))
        });
        let broken = evaluate(&network, &broken).unwrap_err().to_string();
        assert!(
            broken.contains("\"test\"") && broken.contains("face 3"),
            "{broken}"
        );
        Ok(())
    }
}
