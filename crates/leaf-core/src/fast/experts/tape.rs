//! A pass of all experts, and the way back through it.

use candle_core::Result as CandleResult;

use super::super::scratch::Scratch;
use super::fusion::{Fusion, Returned};
use super::layer::{After, LayerGradients, Wanted};
use super::{Assignment, Bank};
use crate::Combine;

/// What a pass leaves for the way back: everything in the order of positions.
#[derive(Debug)]
pub(super) struct Tape {
    pub(super) assignment: Assignment,
    how: Combine,
    weights: Vec<f32>,
    xs: Scratch,
    /// After the rectifier; empty for linear experts.
    hidden: Scratch,
    answers: Scratch,
}

/// Gradients of a pass.
#[derive(Debug)]
pub(super) struct Gradients {
    /// `(N, D)`; empty unless it was asked for.
    pub(super) xs: Vec<f32>,
    /// `(N, k)`.
    pub(super) weights: Vec<f32>,
    /// Of those that are tracked, in the bank's order.
    pub(super) parameters: Vec<Option<Vec<f32>>>,
}

impl Tape {
    /// Serves `xs (N, D)` with weights `(N, k)`: the fused answers `(N, D)`.
    pub(super) fn forward(
        bank: &Bank,
        assignment: Assignment,
        how: Combine,
        xs: &[f32],
        weights: &[f32],
    ) -> CandleResult<(Self, Vec<f32>)> {
        let values = bank.values()?;
        let layers = bank.layers(&values)?;
        let (count, dim) = (assignment.len(), bank.dim());
        let sorted = gathered(&assignment, xs, dim);
        let mut answers = Scratch::take(count * dim);
        let mut hidden = Scratch::default();
        match layers.as_slice() {
            [first, second] => {
                hidden = Scratch::take(count * bank.hidden());
                first.forward(&assignment, &sorted, &mut hidden, After::Relu);
                second.forward(&assignment, &hidden, &mut answers, After::Add(&sorted));
            }
            layers => {
                for layer in layers {
                    layer.forward(&assignment, &sorted, &mut answers, After::Nothing);
                }
            }
        }
        let fusion = Fusion {
            assignment: &assignment,
            dim,
            how,
            answers: &answers,
            weights,
        };
        let mut out = vec![0.; xs.len()];
        fusion.forward(&mut out);
        let tape = Self {
            how,
            weights: weights.to_vec(),
            xs: sorted,
            hidden,
            answers,
            assignment,
        };
        Ok((tape, out))
    }

    /// From `dy (N, D)`, and what the pass gave.
    pub(super) fn backward(
        &self,
        bank: &Bank,
        fused: &[f32],
        dy: &[f32],
        wants_xs: bool,
    ) -> CandleResult<Gradients> {
        let values = bank.values()?;
        let layers = bank.layers(&values)?;
        let (count, dim) = (self.assignment.len(), bank.dim());
        let fusion = Fusion {
            assignment: &self.assignment,
            dim,
            how: self.how,
            answers: &self.answers,
            weights: &self.weights,
        };
        let mut d_answers = Scratch::take(count * dim);
        let mut weights = vec![0.; self.weights.len()];
        fusion.backward(Returned { fused, dy }, &mut d_answers, &mut weights);
        let wanted = wanted(bank);
        let mut d_xs = Scratch::take(if wants_xs { count * dim } else { 0 });
        let assignment = &self.assignment;
        let mut found = Vec::new();
        match (layers.as_slice(), wanted.as_slice()) {
            ([first, second], [wanted1, wanted2]) => {
                let mut d_hidden = Scratch::take(count * bank.hidden());
                let into = Some((&mut *d_hidden, After::Rectified(&self.hidden)));
                let gradients =
                    second.backward(assignment, &self.hidden, &d_answers, into, wanted2);
                let into = wants_xs.then_some((&mut *d_xs, After::Add(&d_answers)));
                found.push(first.backward(assignment, &self.xs, &d_hidden, into, wanted1));
                found.push(gradients);
            }
            (layers, wanted) => {
                for (layer, wanted) in layers.iter().zip(wanted) {
                    let into = wants_xs.then_some((&mut *d_xs, After::Nothing));
                    found.push(layer.backward(assignment, &self.xs, &d_answers, into, wanted));
                }
            }
        }
        let rows = fused.len() / dim;
        Ok(Gradients {
            xs: match wants_xs {
                true => scattered(assignment, &d_xs, rows, dim),
                false => Vec::new(),
            },
            weights,
            parameters: in_the_banks_order(found),
        })
    }
}

/// Rows in the order of positions.
fn gathered(assignment: &Assignment, xs: &[f32], dim: usize) -> Scratch {
    let mut sorted = Scratch::take(assignment.len() * dim);
    match assignment.rows() {
        None => sorted.copy_from_slice(xs),
        Some(rows) => {
            for (to, row) in sorted.chunks_exact_mut(dim).zip(rows) {
                to.copy_from_slice(&xs[row * dim..][..dim]);
            }
        }
    }
    sorted
}

/// The sum of each row's positions.
fn scattered(assignment: &Assignment, sorted: &[f32], rows: usize, dim: usize) -> Vec<f32> {
    if assignment.rows().is_none() {
        return sorted.to_vec();
    }
    let mut xs = Vec::with_capacity(rows * dim);
    for row in 0..rows {
        let mut positions = assignment
            .of_row(row)
            .iter()
            .map(|p| &sorted[p * dim..][..dim]);
        let start = xs.len();
        match positions.next() {
            Some(first) => xs.extend_from_slice(first),
            None => xs.resize(start + dim, 0.),
        }
        for other in positions {
            xs[start..]
                .iter_mut()
                .zip(other)
                .for_each(|(x, other)| *x += other);
        }
    }
    xs
}

/// Which gradients are asked for, a layer after the other.
fn wanted(bank: &Bank) -> Vec<Wanted> {
    let tracked = bank.is_tracked();
    let layers = if bank.is_residual() { 2 } else { 1 };
    let of = |offset: usize| {
        let each = tracked.iter().skip(offset).step_by(2 * layers);
        each.copied().collect()
    };
    let layer = |index: usize| Wanted {
        weights: of(2 * index),
        biases: of(2 * index + 1),
    };
    (0..layers).map(layer).collect()
}

/// Gradients of layers, by expert: weight and bias of each layer.
fn in_the_banks_order(layers: Vec<LayerGradients>) -> Vec<Option<Vec<f32>>> {
    let mut layers: Vec<_> = layers
        .into_iter()
        .map(|layer| layer.weights.into_iter().zip(layer.biases))
        .collect();
    let mut ordered = Vec::new();
    loop {
        let before = ordered.len();
        for layer in &mut layers {
            if let Some((weight, bias)) = layer.next() {
                ordered.extend([weight, bias]);
            }
        }
        if ordered.len() == before {
            return ordered;
        }
    }
}
