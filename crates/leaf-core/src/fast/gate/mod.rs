//! The sparse gate on the processor: products of all rows, then each row's decision.

mod decision;

use candle_core::{DType, Result as CandleResult, Tensor};

use super::operation::{Returned, record3};
use super::parallel::map;
use super::real::Real;
use super::values::Values;
use crate::{GateWeighting, NoisyTopKConfig, Result, Routing};
use decision::{Gradients, Row, Rule};

/// Rows of a task.
const ROWS: usize = 32;

/// What a gate works on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gated<'a> {
    pub(crate) xs: &'a Tensor,
    pub(crate) w_gate: &'a Tensor,
    /// `W_n` and the noise `(N, E)`, where scores are noisy.
    pub(crate) noisy: Option<(&'a Tensor, &'a Tensor)>,
    pub(crate) config: &'a NoisyTopKConfig,
}

/// What [`crate::NoisyTopK`] decides, for tensors in the processor's memory; `None` for others.
pub(crate) fn route(gated: Gated<'_>) -> Result<Option<Routing>> {
    let Gated {
        xs, w_gate, noisy, ..
    } = gated;
    let (w_noise, noise) = noisy.unzip();
    let tensors = || [Some(xs), Some(w_gate), w_noise].into_iter().flatten();
    let dtype = xs.dtype();
    let is_known = matches!(dtype, DType::F32 | DType::F64 | DType::BF16);
    let fits = xs.rank() == 2 && xs.dims()[1] == w_gate.dims()[0] && xs.elem_count() > 0;
    let is_here = tensors().all(|tensor| tensor.device().is_cpu() && tensor.dtype() == dtype);
    if !is_known || !fits || !is_here {
        return Ok(None);
    }
    let computed = if dtype == DType::BF16 {
        DType::F32
    } else {
        dtype
    };
    let prepared = |tensor: &Tensor| tensor.to_dtype(computed)?.contiguous();
    let noise = noise.map(prepared).transpose()?;
    let w_noise = w_noise.map(prepared).transpose()?;
    let noisy = w_noise.as_ref().zip(noise.as_ref());
    let (xs, w_gate) = (&prepared(xs)?, &prepared(w_gate)?);
    let prepared = Gated {
        xs,
        w_gate,
        noisy,
        ..gated
    };
    let routing = match computed {
        DType::F64 => decide::<f64>(prepared)?,
        _ => decide::<f32>(prepared)?,
    };
    Ok(Some(Routing {
        weights: routing.weights.to_dtype(dtype)?,
        experts: routing.experts,
        importance: routing.importance.to_dtype(dtype)?,
        load: routing.load.to_dtype(dtype)?,
    }))
}

/// A pass of the gate: what its way back needs.
struct Pass<T> {
    rule: Rule,
    dim: usize,
    /// Both weights, transposed: `(width, D)`.
    weights: Vec<T>,
    /// `x W_g` and `x W_n` `(N, width)`.
    products: Vec<T>,
    noise: Vec<T>,
}

/// What some rows decided.
struct Decided {
    weights: Vec<f64>,
    experts: Vec<u32>,
    importance: Vec<f64>,
    load: Vec<f64>,
}

fn decide<T: Real>(gated: Gated<'_>) -> Result<Routing> {
    let Gated {
        xs,
        w_gate,
        noisy,
        config,
    } = gated;
    let pass = {
        let (xs, w_gate) = (Values::<T>::of(xs)?, Values::<T>::of(w_gate)?);
        let noisy = noisy.map(|(weight, noise)| Ok((Values::<T>::of(weight)?, Values::of(noise)?)));
        let noisy: Option<(Values<'_, T>, Values<'_, T>)> = noisy.transpose().map_err(wrap)?;
        let mut weights = transposed(w_gate.slice()?, config.num_experts);
        let mut noise = Vec::new();
        if let Some((w_noise, values)) = &noisy {
            weights.extend(transposed(w_noise.slice()?, config.num_experts));
            noise.extend_from_slice(values.slice()?);
        }
        let dim = gated.xs.dims()[1];
        Pass {
            rule: Rule {
                num_experts: config.num_experts,
                kept: config.k,
                weighting: config.weighting,
                noise_epsilon: config.noise_epsilon,
                is_noisy: noisy.is_some(),
            },
            dim,
            products: T::scores(xs.slice()?, &weights, dim),
            weights,
            noise,
        }
    };
    let (num_experts, kept) = (config.num_experts, config.k);
    let rows = pass.rows();
    let decided = pass.decide();
    let experts = Tensor::from_vec(decided.experts, (rows, kept), xs.device())?;
    let numbers = [decided.weights, decided.importance, decided.load].into_iter();
    let packed: Vec<T> = numbers.flatten().map(T::from_f64).collect();
    let w_noise = noisy.map_or(w_gate, |(w_noise, _)| w_noise);
    let length = packed.len();
    let back = move |returned: Returned<'_, 3>| pass.backward(returned);
    let packed = record3("sparse gate", [xs, w_gate, w_noise], (packed, length), back)?;
    let part = |start, length| packed.narrow(0, start, length);
    let weights = rows * kept;
    let load = part(weights + num_experts, num_experts)?;
    Ok(Routing {
        weights: part(0, weights)?.reshape((rows, kept))?,
        experts,
        importance: part(weights, num_experts)?,
        load: match config.k < num_experts && noisy.is_some() {
            true => load,
            // A count has no gradient.
            false => load.detach(),
        },
    })
}

fn wrap(error: candle_core::Error) -> crate::Error {
    error.into()
}

impl<T: Real> Pass<T> {
    fn rows(&self) -> usize {
        self.products.len() / self.rule.width()
    }

    /// About what a row's exponentials cost.
    fn operations(&self) -> usize {
        let each = match self.rule.weighting {
            GateWeighting::TopKSoftmax if !self.rule.is_noisy => 20,
            _ => 300,
        };
        each * self.products.len()
    }

    fn row(&self, index: usize) -> Row {
        let (width, num_experts) = (self.rule.width(), self.rule.num_experts);
        let products = &self.products[index * width..][..width];
        let products: Vec<f64> = products.iter().map(|x| x.to_f64()).collect();
        let noise = match self.rule.is_noisy {
            true => &self.noise[index * num_experts..][..num_experts],
            false => &[],
        };
        let noise: Vec<f64> = noise.iter().map(|x| x.to_f64()).collect();
        self.rule.decide(&products, &noise)
    }

    fn decide(&self) -> Decided {
        let (rows, num_experts) = (self.rows(), self.rule.num_experts);
        let empty = || Decided {
            weights: Vec::new(),
            experts: Vec::new(),
            importance: vec![0.; num_experts],
            load: vec![0.; num_experts],
        };
        let parts = map(rows.div_ceil(ROWS), self.operations(), |task| {
            let mut part = empty();
            for index in task * ROWS..rows.min((task + 1) * ROWS) {
                let row = self.row(index);
                for (expert, weight) in row.order.iter().zip(&row.weights) {
                    // What a row weighs is what its type can hold.
                    part.importance[*expert] += T::from_f64(*weight).to_f64();
                    part.experts.push(*expert as u32);
                }
                part.weights.extend(&row.weights);
                self.rule.add_load(&row, &mut part.load);
            }
            part
        });
        let mut all = empty();
        for part in parts {
            all.weights.extend(part.weights);
            all.experts.extend(part.experts);
            add(&mut all.importance, &part.importance);
            add(&mut all.load, &part.load);
        }
        all
    }

    fn backward(&self, returned: Returned<'_, 3>) -> CandleResult<[Option<Tensor>; 3]> {
        let [xs, w_gate, w_noise] = returned.arguments;
        let gradient = Values::<T>::of(returned.gradient)?;
        let gradient = gradient.slice()?;
        let products = self.of_products(gradient);
        let xs_values = Values::<T>::of(xs)?;
        let d_weights = T::to_weights(&products, xs_values.slice()?, self.dim);
        let (d_gate, d_noise) = d_weights.split_at(self.rule.num_experts * self.dim);
        let back = |weight: &Tensor, values: &[T]| {
            Tensor::from_vec(
                transposed(values, self.dim),
                weight.shape(),
                weight.device(),
            )
        };
        let dx = match xs.track_op() {
            true => {
                let dx = T::to_inputs(&products, &self.weights, self.dim);
                Some(Tensor::from_vec(dx, xs.shape(), xs.device())?)
            }
            false => None,
        };
        let d_noise = match self.rule.is_noisy && w_noise.track_op() {
            true => Some(back(w_noise, d_noise)?),
            false => None,
        };
        let d_gate = w_gate.track_op().then(|| back(w_gate, d_gate));
        Ok([dx, d_gate.transpose()?, d_noise])
    }

    /// Gradients of the products `(N, width)` from those of weights, importance and load.
    fn of_products(&self, gradient: &[T]) -> Vec<T> {
        let (rows, kept) = (self.rows(), self.rule.kept);
        let (weights, sums) = gradient.split_at(rows * kept);
        let sums: Vec<f64> = sums.iter().map(|x| x.to_f64()).collect();
        let (importance, load) = sums.split_at(self.rule.num_experts);
        let parts = map(rows.div_ceil(ROWS), self.operations(), |task| {
            let mut part: Vec<T> = Vec::with_capacity(ROWS * self.rule.width());
            for index in task * ROWS..rows.min((task + 1) * ROWS) {
                let row = self.row(index);
                let own = weights[index * kept..][..kept].iter().zip(&row.order);
                let own: Vec<f64> = own
                    .map(|(gradient, expert)| gradient.to_f64() + importance[*expert])
                    .collect();
                let gradients = Gradients {
                    weights: &own,
                    load,
                };
                let products = self.rule.backward(&row, gradients);
                part.extend(products.into_iter().map(T::from_f64));
            }
            part
        });
        parts.concat()
    }
}

fn add(sums: &mut [f64], others: &[f64]) {
    sums.iter_mut()
        .zip(others)
        .for_each(|(sum, other)| *sum += other);
}

/// Rows of `columns` numbers each, as columns.
fn transposed<T: Real>(values: &[T], columns: usize) -> Vec<T> {
    let rows = values.len() / columns.max(1);
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}
