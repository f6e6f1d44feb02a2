//! A feature for each labelled face, which SimMatch compares unlabelled ones with.
//!
//! Source: M. Zheng et al., "SimMatch", CVPR 2022, with the running average that USB has for small data sets.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use leaf_core::{Error, Random, unit_length};

use crate::{Probs, Result, State, Stateful, Task, bounds, state_entry};

/// The saved entries.
const FEATURES: &str = "mem_bank";
const LABELED: &str = "labeled";

/// A unit-length feature `(P)` and the class of each of the K labelled faces.
///
/// Features start as random directions. A face's feature follows what is seen of it,
/// `m_k <- unit(a m_k + (1 - a) f)`, where f is the mean over the batch's rows that show it: the order of
/// rows does not matter.
#[derive(Clone, Debug)]
pub struct FeatureBank {
    momentum: f64,
    /// Where each place in the training list is kept.
    column: HashMap<usize, usize>,
    /// Each one's place and class `(K, 2)`, i64: what a saved state must be about.
    labeled: Tensor,
    /// `(K,)`, u32.
    classes: Tensor,
    /// 1 where a face is of a class `(K, C)`.
    membership: Tensor,
    /// `(K, P)`.
    features: Tensor,
}

impl FeatureBank {
    /// Of the task's labelled faces, features of that width, and a momentum a in `[0, 1)`.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] if the task does not name its labelled faces; when one has a class that
    /// there is not, the width is 0, or the momentum is outside.
    pub fn new(task: &Task, width: usize, momentum: f64, random: &mut Random) -> Result<Self> {
        if task.labeled.is_empty() {
            return Err(crate::Error::Missing {
                what: "list of the labelled faces' places and classes (Task::with_labeled)",
            });
        }
        task.class_shares()?;
        bounds::share_below_one("bank_momentum", momentum)?;
        if width == 0 {
            return Err(Error::Zero {
                field: "projection",
            }
            .into());
        }
        let device = &Device::Cpu;
        let count = task.labeled.len();
        let pairs = task.labeled.iter();
        let pairs: Vec<i64> = pairs
            .flat_map(|&(place, class)| [place as i64, class as i64])
            .collect();
        let places = task.labeled.iter().map(|&(place, _)| place);
        let classes = task.labeled.iter().map(|&(_, class)| class as u32);
        let classes = Tensor::from_iter(classes, device)?;
        let all = Tensor::arange(0u32, task.num_classes as u32, device)?;
        let membership = classes.unsqueeze(1)?.broadcast_eq(&all.unsqueeze(0)?)?;
        let start = random.normal_tensor(0., 1., (count, width), DType::F64, device)?;
        Ok(Self {
            momentum,
            column: places.zip(0..).collect(),
            labeled: Tensor::from_vec(pairs, (count, 2), device)?,
            classes,
            membership: membership.to_dtype(DType::F64)?,
            features: unit_length(&start)?,
        })
    }

    /// The cosine of each face with each labelled one: unit-length features `(N, P)` to `(N, K)`.
    ///
    /// # Errors
    /// When the width differs.
    pub fn similarities(&self, features: &Tensor) -> Result<Tensor> {
        Ok(features.matmul(&like(&self.features, features)?.t()?)?)
    }

    /// The probability of each labelled face's class: `(N, C)` to `(N, K)`.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn of_their_classes(&self, probs: &Probs) -> Result<Tensor> {
        probs.expect_classes("predictions of unlabelled faces", self.membership.dim(1)?)?;
        let probs = probs.tensor();
        let classes = self.classes.to_device(probs.device())?;
        Ok(probs.index_select(&classes, 1)?)
    }

    /// Shares of the labelled faces summed by class: `(N, K)` to `(N, C)`.
    ///
    /// # Errors
    /// When the number of labelled faces differs.
    pub fn by_class(&self, shares: &Tensor) -> Result<Probs> {
        Probs::new(shares.matmul(&like(&self.membership, shares)?)?)
    }

    /// Lets the faces at those places follow their features `(B, P)`, without gradient.
    ///
    /// # Errors
    /// When a place is none of the task's labelled faces or the shapes do not fit.
    pub fn follow(&mut self, places: &[usize], features: &Tensor) -> Result<()> {
        let features = features.detach();
        let bank = like(&self.features, &features)?;
        let (count, width) = bank.dims2()?;
        if features.dims() != [places.len(), width] {
            return Err(Error::Shape {
                what: "features of labelled faces",
                expected: format!("({}, {width})", places.len()),
                found: features.dims().to_vec(),
            }
            .into());
        }
        if places.is_empty() {
            return Ok(());
        }
        let (columns, means) = self.means(places)?;
        let kept = Tensor::new(columns.as_slice(), bank.device())?;
        let seen = like(&means, &features)?.matmul(&features)?;
        let old = (bank.index_select(&kept, 0)? * self.momentum)?;
        let new = unit_length(&(old + (seen * (1. - self.momentum))?)?)?;
        // The rows of bank and news one below the other: each face picks its own.
        let mut picks: Vec<u32> = (0..count as u32).collect();
        for (&column, news) in columns.iter().zip(count as u32..) {
            picks[column as usize] = news;
        }
        let picks = Tensor::new(picks, bank.device())?;
        self.features = Tensor::cat(&[bank, new], 0)?.index_select(&picks, 0)?;
        Ok(())
    }

    /// The n columns that these places have, each once, and what takes each one's mean `(n, B)`.
    fn means(&self, places: &[usize]) -> Result<(Vec<u32>, Tensor)> {
        let mut columns = Vec::new();
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (row, place) in places.iter().enumerate() {
            let column = *self.column.get(place).ok_or(Error::OutOfRange {
                field: "place of a labelled face",
                value: *place as f64,
                expected: "one of the task's labelled faces",
            })? as u32;
            match columns.iter().position(|&known| known == column) {
                Some(known) => rows[known].push(row),
                None => {
                    columns.push(column);
                    rows.push(vec![row]);
                }
            }
        }
        let mut means = vec![0f64; columns.len() * places.len()];
        for (column, rows) in rows.iter().enumerate() {
            for row in rows {
                means[column * places.len() + row] = 1. / rows.len() as f64;
            }
        }
        let shape = (columns.len(), places.len());
        Ok((columns, Tensor::from_vec(means, shape, &Device::Cpu)?))
    }
}

/// A tensor in the type and on the device of another; Metal has no f64.
fn like(tensor: &Tensor, other: &Tensor) -> Result<Tensor> {
    let tensor = tensor.to_dtype(other.dtype())?;
    Ok(tensor.to_device(other.device())?)
}

impl Stateful for FeatureBank {
    fn state(&self) -> Result<State> {
        Ok(State::from([
            (FEATURES.to_owned(), self.features.clone()),
            (LABELED.to_owned(), self.labeled.clone()),
        ]))
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let pairs = |labeled: &Tensor| -> Result<Vec<i64>> {
            let labeled = labeled.to_device(&Device::Cpu)?.to_dtype(DType::I64)?;
            Ok(labeled.flatten_all()?.to_vec1()?)
        };
        let labeled = state_entry(state, LABELED, self.labeled.dims())?;
        if pairs(labeled)? != pairs(&self.labeled)? {
            return Err(crate::Error::StateOfOtherFaces {
                name: LABELED.to_owned(),
            });
        }
        self.features = state_entry(state, FEATURES, self.features.dims())?.clone();
        Ok(())
    }
}
