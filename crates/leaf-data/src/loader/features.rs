//! Features of faces and of their views, which a frozen encoder made once.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use leaf_core::Random;

use super::Faces;
use super::view::{View, ViewMaker};
use crate::{Augmentation, Error, Result};

/// What a frozen encoder makes of each face of a list as it is, and of some weak and strong views of it. With
/// [`Faces::with_features`] a list serves them in place of images: training a head on them costs next to nothing,
/// since no image is looked at any more.
///
/// A view is one of those that were made, at random: with few of them a network sees fewer views than it would
/// of images.
#[derive(Clone, Debug)]
pub struct ViewFeatures {
    rows: HashMap<String, usize>,
    dim: usize,
    plain: Vec<f32>,
    weak: Vec<f32>,
    strong: Vec<f32>,
}

/// Mean and deviation of each feature ([`ViewFeatures::standard`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Standard(Vec<(f32, f32)>);

/// What hardly differs from face to face says nothing, and must not be blown up.
const SMALLEST_DEVIATION: f32 = 1e-6;

/// Images that are encoded at once.
const CHUNK: usize = 64;

impl ViewFeatures {
    /// Encodes all faces of a list: as they are, and in `views` weak and strong views each. `encode` makes features
    /// `(N, D)` of images `(N, channels, size, size)`; `progress` is told how many faces of how many are done.
    ///
    /// # Errors
    /// When a face cannot be decoded or encoded.
    pub fn make<E: From<Error>>(
        faces: &Faces,
        augmentation: &Augmentation,
        views: usize,
        random: &Random,
        mut encode: impl FnMut(&Tensor) -> std::result::Result<Tensor, E>,
        mut progress: impl FnMut(usize, usize),
    ) -> std::result::Result<Self, E> {
        let (mut all, mut maker) = (Parts::default(), ViewMaker::new(augmentation.clone()));
        let per_face = 1 + 2 * views;
        let places: Vec<usize> = (0..faces.len()).collect();
        for places in places.chunks((CHUNK / per_face).max(1)) {
            let mut stack = faces.stack(places.len() * per_face);
            for &place in places {
                let (look, random) = (faces.look(place)?, random.split_index(place as u64));
                stack.push(&look);
                for kind in [View::Weak, View::Strong] {
                    let random = random.split(kind.name());
                    for view in 0..views as u64 {
                        maker.push(&mut stack, &look, kind, &mut random.split_index(view));
                    }
                }
            }
            let features = encode(&stack.tensor()?)?;
            all.take(&features, views)?;
            progress(places.last().map_or(0, |last| last + 1), faces.len());
        }
        let names = faces.entries().iter().map(|entry| entry.name.clone());
        Ok(all.named(names))
    }

    /// Of tensors: `plain` `(N, D)` in the order of the names, `weak` and `strong` `(N, V, D)` with any V.
    ///
    /// # Errors
    /// [`Error::Features`] if the shapes do not fit.
    pub fn from_tensors(
        names: impl IntoIterator<Item = String>,
        plain: &Tensor,
        weak: &Tensor,
        strong: &Tensor,
    ) -> Result<Self> {
        let wrong = || Error::Features {
            found: format!(
                "tensors {:?}, {:?} and {:?}",
                plain.dims(),
                weak.dims(),
                strong.dims()
            ),
            expected: "features (N, D) of N names, and (N, V, D) twice for their views",
        };
        let fits = |views: &Tensor| matches!((plain.dims(), views.dims()), ([n, d], [m, _, e]) if n == m && d == e && *d > 0);
        if !fits(weak) || !fits(strong) {
            return Err(wrong());
        }
        let all = Parts {
            dim: plain.dim(1)?,
            plain: numbers(plain)?,
            weak: numbers(weak)?,
            strong: numbers(strong)?,
        };
        let features = all.named(names);
        match features.rows.len() == plain.dim(0)? {
            true => Ok(features),
            false => Err(wrong()),
        }
    }

    /// The tensors that [`ViewFeatures::from_tensors`] takes: plain, weak and strong.
    ///
    /// # Errors
    /// When candle fails.
    pub fn tensors(&self) -> Result<[Tensor; 3]> {
        let (count, dim) = (self.rows.len(), self.dim);
        let views = |values: &[f32]| {
            let views = values.len() / (count * dim).max(1);
            Tensor::from_slice(values, (count, views, dim), &Device::Cpu)
        };
        let plain = Tensor::from_slice(&self.plain, (count, dim), &Device::Cpu)?;
        Ok([plain, views(&self.weak)?, views(&self.strong)?])
    }

    /// Mean and deviation of each feature over the faces as they are.
    pub fn standard(&self) -> Standard {
        let count = (self.rows.len() as f64).max(1.);
        let mut sums = vec![(0., 0.); self.dim];
        for row in self.plain.chunks_exact(self.dim.max(1)) {
            for ((sum, squares), &x) in sums.iter_mut().zip(row) {
                *sum += f64::from(x);
                *squares += f64::from(x) * f64::from(x);
            }
        }
        let of = |(sum, squares): (f64, f64)| {
            let mean = sum / count;
            let variance = (squares / count - mean * mean).max(0.);
            (
                mean as f32,
                (variance.sqrt() as f32).max(SMALLEST_DEVIATION),
            )
        };
        Standard(sums.into_iter().map(of).collect())
    }

    /// The same features, each less its mean and over its deviation.
    #[must_use]
    pub fn standardized(mut self, standard: &Standard) -> Self {
        for values in [&mut self.plain, &mut self.weak, &mut self.strong] {
            for row in values.chunks_exact_mut(standard.0.len().max(1)) {
                for (x, (mean, deviation)) in row.iter_mut().zip(&standard.0) {
                    *x = (*x - mean) / deviation;
                }
            }
        }
        self
    }

    /// The width of the features, D.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Which row is a face's.
    pub(super) fn row(&self, name: &str) -> Result<usize> {
        self.rows.get(name).copied().ok_or_else(|| Error::Features {
            found: format!("none of face {name:?}"),
            expected: "features of every face of the list",
        })
    }

    pub(super) fn plain(&self, row: usize) -> &[f32] {
        &self.plain[row * self.dim..(row + 1) * self.dim]
    }

    /// One of a face's views; the face itself if no view was made.
    pub(super) fn view(&self, row: usize, kind: View, random: &mut Random) -> &[f32] {
        let values = match kind {
            View::Weak => &self.weak,
            View::Strong => &self.strong,
        };
        let views = values.len() / self.plain.len().max(1);
        if views == 0 {
            return self.plain(row);
        }
        let at = (row * views + random.below(views)) * self.dim;
        &values[at..at + self.dim]
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    Ok(tensor.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?)
}

/// Features without names.
#[derive(Debug, Default)]
struct Parts {
    dim: usize,
    plain: Vec<f32>,
    weak: Vec<f32>,
    strong: Vec<f32>,
}

impl Parts {
    /// Takes some faces: each is a plain row, then its weak and its strong views.
    fn take(&mut self, features: &Tensor, views: usize) -> Result<()> {
        let (_, dim) = features.dims2()?;
        self.dim = dim;
        for face in numbers(features)?.chunks_exact(dim * (1 + 2 * views)) {
            let (plain, others) = face.split_at(dim);
            let (weak, strong) = others.split_at(dim * views);
            self.plain.extend_from_slice(plain);
            self.weak.extend_from_slice(weak);
            self.strong.extend_from_slice(strong);
        }
        Ok(())
    }

    fn named(self, names: impl IntoIterator<Item = String>) -> ViewFeatures {
        ViewFeatures {
            rows: names.into_iter().zip(0..).collect(),
            dim: self.dim,
            plain: self.plain,
            weak: self.weak,
            strong: self.strong,
        }
    }
}

#[cfg(test)]
mod tests;
