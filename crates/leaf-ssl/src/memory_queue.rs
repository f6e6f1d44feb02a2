//! What was seen in the last steps, which CoMatch smooths pseudo-labels with.
//!
//! Source: J. Li et al., "CoMatch", ICCV 2021 (memory-smoothed pseudo-labels), with the queue of USB.

use std::collections::VecDeque;

use candle_core::{DType, Device, Tensor};
use candle_nn::ops::softmax;
use leaf_core::Error;

use crate::{Probs, Result, State, Stateful, bounds, state_entry};

/// The saved entries.
const FEATURES: &str = "queue_feats";
const PROBS: &str = "queue_probs";
const ROWS: &str = "queue_rows";

/// Unit-length features `(P)` with the probabilities `(C)` that go with them, of the last batches; the
/// oldest batch leaves when one more comes.
#[derive(Clone, Debug)]
pub struct MemoryQueue {
    capacity: usize,
    width: usize,
    num_classes: usize,
    /// Each batch's features `(n, P)` and probabilities `(n, C)`, the oldest first.
    batches: VecDeque<(Tensor, Tensor)>,
}

impl MemoryQueue {
    /// Of that many batches, features of that width and that many classes; empty.
    ///
    /// # Errors
    /// When there is no room for a batch.
    pub fn new(batches: usize, width: usize, num_classes: usize) -> Result<Self> {
        if batches == 0 {
            return Err(Error::Zero {
                field: "queue_batches",
            }
            .into());
        }
        Ok(Self {
            capacity: batches,
            width,
            num_classes,
            // The number may be any: room is made as it is needed.
            batches: VecDeque::new(),
        })
    }

    /// Whether nothing is kept yet.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Keeps features `(n, P)` with their probabilities `(n, C)`, without gradient, in place of the
    /// oldest batch's if there is no room.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn push(&mut self, features: &Tensor, probs: &Probs) -> Result<()> {
        let (features, probs) = (features.detach(), probs.tensor().detach());
        let rows = features.dim(0)?;
        expect("features to remember", &features, &[rows, self.width])?;
        expect(
            "probabilities to remember",
            &probs,
            &[rows, self.num_classes],
        )?;
        self.append(features, probs);
        Ok(())
    }

    fn append(&mut self, features: Tensor, probs: Tensor) {
        if self.batches.len() == self.capacity {
            self.batches.pop_front();
        }
        self.batches.push_back((features, probs));
    }

    /// The probabilities of what is similar: `A Q_p` with `A = softmax(f Q_f^T / T)`, features `(N, P)`
    /// to `(N, C)`; no gradient.
    ///
    /// # Errors
    /// When the queue is empty or the width differs.
    pub fn recall(&self, features: &Tensor, temperature: f64) -> Result<Probs> {
        let features = &features.detach();
        let (kept, probs) = self.rows()?.ok_or(Error::Zero {
            field: "rows in the memory",
        })?;
        let like = |tensor: Tensor| -> Result<Tensor> {
            // What was loaded lies where the file was read.
            let tensor = tensor.to_dtype(features.dtype())?;
            Ok(tensor.to_device(features.device())?)
        };
        let similarity = (features.matmul(&like(kept)?.t()?)? / temperature)?;
        Probs::new(softmax(&similarity, 1)?.matmul(&like(probs)?)?)
    }

    /// All features and probabilities one below the other, the oldest first.
    fn rows(&self) -> Result<Option<(Tensor, Tensor)>> {
        if self.is_empty() {
            return Ok(None);
        }
        let features: Vec<&Tensor> = self.batches.iter().map(|(features, _)| features).collect();
        let probs: Vec<&Tensor> = self.batches.iter().map(|(_, probs)| probs).collect();
        Ok(Some((Tensor::cat(&features, 0)?, Tensor::cat(&probs, 0)?)))
    }
}

fn expect(what: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    if tensor.dims() == dims {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{dims:?}"),
        found: tensor.dims().to_vec(),
    }
    .into())
}

impl Stateful for MemoryQueue {
    fn state(&self) -> Result<State> {
        let Some((features, probs)) = self.rows()? else {
            return Ok(State::new());
        };
        let rows: Vec<i64> = self
            .batches
            .iter()
            .map(|(features, _)| Ok(features.dim(0)? as i64))
            .collect::<Result<_>>()?;
        Ok(State::from([
            (FEATURES.to_owned(), features),
            (PROBS.to_owned(), probs),
            (ROWS.to_owned(), Tensor::new(rows, &Device::Cpu)?),
        ]))
    }

    /// A state without rows is that of a run before its first step.
    fn load_state(&mut self, state: &State) -> Result<()> {
        let Some(rows) = state.get(ROWS) else {
            self.batches.clear();
            return Ok(());
        };
        let rows = rows.to_device(&Device::Cpu)?.to_dtype(DType::I64)?;
        let rows = rows.flatten_all()?.to_vec1::<i64>()?;
        let expected = "at most queue_batches";
        let held = rows.len() as f64;
        let fits = rows.len() <= self.capacity;
        bounds::check(fits, "batches in the saved memory", held, expected)?;
        let mut counts = Vec::with_capacity(rows.len());
        for count in rows {
            let field = "rows of a batch in the saved memory";
            bounds::check(count >= 0, field, count as f64, "0 or more")?;
            counts.push(count as usize);
        }
        let total = counts.iter().sum();
        let features = state_entry(state, FEATURES, &[total, self.width])?;
        let probs = state_entry(state, PROBS, &[total, self.num_classes])?;
        let (mut start, mut batches) = (0, VecDeque::new());
        for count in counts {
            let part = |rows: &Tensor| rows.narrow(0, start, count);
            batches.push_back((part(features)?, part(probs)?));
            start += count;
        }
        self.batches = batches;
        Ok(())
    }
}
