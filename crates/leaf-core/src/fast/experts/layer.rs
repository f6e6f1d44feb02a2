//! One linear layer of all experts: forward, and backward to its inputs and weights.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::matrix::{Fresh, Source, Target};
use super::super::parallel::for_each;
use super::super::product::{dots, weighted_rows};
use super::super::simd::run;
use super::Assignment;

/// Positions, outputs and weight rows that a task covers at most. A task's inputs stay in a core's second
/// cache, and even a single row's work has enough tasks for several threads.
const POSITIONS: usize = 96;
const OUTPUTS: usize = 64;
const WEIGHT_ROWS: usize = 48;

/// A layer `(out, in)` of every expert.
#[derive(Clone, Debug)]
pub(super) struct Layer<'a> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) weights: Vec<&'a [f32]>,
    pub(super) biases: Vec<&'a [f32]>,
}

/// What is done to an entry after the product.
#[derive(Clone, Copy, Debug)]
pub(super) enum After<'a> {
    Nothing,
    /// Negative numbers become -0, by which the way back tells them from those that were 0.
    Relu,
    /// 0 where the rectifier let nothing through.
    Rectified(&'a [f32]),
    Add(&'a [f32]),
}

/// Gradients of one layer, an entry an expert.
#[derive(Debug, Default)]
pub(super) struct LayerGradients {
    pub(super) weights: Vec<Option<Vec<f32>>>,
    pub(super) biases: Vec<Option<Vec<f32>>>,
}

/// Which gradients of a layer's parameters are asked for, an entry an expert.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) weights: Vec<bool>,
    pub(super) biases: Vec<bool>,
}

#[derive(Debug)]
enum Task {
    Rows(usize, Range<usize>, Range<usize>),
    Weights(usize, Range<usize>, Range<usize>),
}

fn blocks(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |at| at..(at + size).min(end))
}

/// Blocks of positions by blocks of columns.
fn row_tasks(assignment: &Assignment, columns: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    for (expert, positions) in assignment.active() {
        for positions in blocks(positions, POSITIONS) {
            let columns = blocks(0..columns, OUTPUTS);
            tasks.extend(columns.map(|columns| Task::Rows(expert, positions.clone(), columns)));
        }
    }
    tasks
}

/// What a layer's work is worth in floating-point operations; a weight that is read costs as much as
/// eight rows that it multiplies.
fn operations(layer: &Layer<'_>, assignment: &Assignment) -> usize {
    let active = assignment.active().count();
    2 * layer.inputs * layer.outputs * (assignment.len() + 4 * active)
}

impl Layer<'_> {
    /// `x W_e^T + b_e` for each position, and what comes after.
    pub(super) fn forward(
        &self,
        assignment: &Assignment,
        xs: &[f32],
        out: &mut [f32],
        after: After<'_>,
    ) {
        let xs = Source::rows(xs, assignment.len(), self.inputs);
        let out = Target::rows(out, assignment.len(), self.outputs);
        let tasks = row_tasks(assignment, self.outputs);
        for_each(tasks.len(), operations(self, assignment), |index| {
            let Task::Rows(expert, positions, columns) = &tasks[index] else {
                return;
            };
            let weights = Source::rows(self.weights[*expert], self.outputs, self.inputs);
            // SAFETY: tasks cover distinct blocks; the second part is made after the first is gone.
            let [product, mut part] =
                [(), ()].map(|()| unsafe { out.part(positions.clone(), columns.clone()) });
            dots(
                xs.part(positions.clone()),
                weights.part(columns.clone()),
                product,
            );
            run(Finish {
                block: &mut part,
                bias: Some(&self.biases[*expert][columns.clone()]),
                after,
                first: positions.start * self.outputs + columns.start,
                step: self.outputs,
            });
        });
    }

    /// From gradients `dy` of the outputs: those of the parameters, and in `dx` of the inputs.
    pub(super) fn backward(
        &self,
        assignment: &Assignment,
        xs: &[f32],
        dy: &[f32],
        dx: Option<(&mut [f32], After<'_>)>,
        wanted: &Wanted,
    ) -> LayerGradients {
        let mut tasks = Vec::new();
        let mut weights: Vec<Option<Fresh>> = self.weights.iter().map(|_| None).collect();
        let mut biases: Vec<Vec<f32>> = self.weights.iter().map(|_| Vec::new()).collect();
        for (expert, positions) in assignment.active() {
            if wanted.weights[expert] {
                weights[expert] = Some(Fresh::new(self.outputs, self.inputs));
            }
            if wanted.biases[expert] {
                biases[expert] = vec![0.; self.outputs];
            }
            if wanted.weights[expert] || wanted.biases[expert] {
                let rows = blocks(0..self.outputs, WEIGHT_ROWS);
                tasks.extend(rows.map(|rows| Task::Weights(expert, positions.clone(), rows)));
            }
        }
        if dx.is_some() {
            tasks.extend(row_tasks(assignment, self.inputs));
        }
        let dy = Source::rows(dy, assignment.len(), self.outputs);
        let xs = Source::rows(xs, assignment.len(), self.inputs);
        let (dx, after) = match dx {
            Some((dx, after)) => (dx, after),
            None => (&mut [][..], After::Nothing),
        };
        let dx = Target::rows(dx, dx.len() / self.inputs.max(1), self.inputs);
        {
            let weights: Vec<Option<Target<'_>>> = weights
                .iter_mut()
                .map(|fresh| fresh.as_mut().map(Fresh::target))
                .collect();
            let biases: Vec<Target<'_>> = biases
                .iter_mut()
                .map(|bias| {
                    let columns = bias.len();
                    Target::rows(bias, 1, columns)
                })
                .collect();
            let both = 2 * operations(self, assignment);
            for_each(tasks.len(), both, |index| match &tasks[index] {
                Task::Rows(expert, positions, columns) => {
                    let weights = Source::rows(self.weights[*expert], self.outputs, self.inputs);
                    // SAFETY: as in the forward pass.
                    let [product, mut part] =
                        [(), ()].map(|()| unsafe { dx.part(positions.clone(), columns.clone()) });
                    let weights = weights.columns_part(columns.clone());
                    weighted_rows(dy.part(positions.clone()), weights, product, false);
                    run(Finish {
                        block: &mut part,
                        bias: None,
                        after,
                        first: positions.start * self.inputs + columns.start,
                        step: self.inputs,
                    });
                }
                Task::Weights(expert, positions, rows) => {
                    let dy = dy.part(positions.clone()).columns_part(rows.clone());
                    if let Some(target) = &weights[*expert] {
                        // SAFETY: tasks cover distinct rows of an expert's weights.
                        let target = unsafe { target.part(rows.clone(), 0..self.inputs) };
                        weighted_rows(dy.transposed(), xs.part(positions.clone()), target, false);
                    }
                    if biases[*expert].column_count() > 0 {
                        // SAFETY: as above.
                        let mut bias = unsafe { biases[*expert].part(0..1, rows.clone()) };
                        dy.add_rows_to(&mut bias);
                    }
                }
            });
        }
        LayerGradients {
            weights: (weights.into_iter().zip(&wanted.weights))
                .map(|(fresh, wanted)| match fresh {
                    // SAFETY: the tasks have written every row.
                    Some(fresh) => Some(unsafe { fresh.filled() }),
                    None => wanted.then(|| vec![0.; self.outputs * self.inputs]),
                })
                .collect(),
            biases: (biases.into_iter().zip(&wanted.biases))
                .map(|(mut bias, wanted)| {
                    bias.resize(self.outputs, 0.);
                    wanted.then_some(bias)
                })
                .collect(),
        }
    }
}

/// What comes after a product, for a block that the product has written.
struct Finish<'a, 'b> {
    block: &'a mut Target<'b>,
    bias: Option<&'a [f32]>,
    after: After<'a>,
    /// Where the block begins in the whole, and the whole's width.
    first: usize,
    step: usize,
}

impl WithSimd for Finish<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for row in 0..self.block.row_count() {
            let offset = self.first + row * self.step;
            // SAFETY: the product has written it.
            let row = unsafe { self.block.row(row) };
            if let Some(bias) = self.bias {
                row.iter_mut().zip(bias).for_each(|(y, bias)| *y += bias);
            }
            match self.after {
                After::Nothing => {}
                After::Relu => {
                    for y in row {
                        *y = if *y < 0. { -0. } else { *y + 0. };
                    }
                }
                After::Rectified(hidden) => {
                    for (dx, hidden) in row.iter_mut().zip(&hidden[offset..]) {
                        *dx = if hidden.is_sign_negative() { 0. } else { *dx };
                    }
                }
                After::Add(other) => {
                    for (y, other) in row.iter_mut().zip(&other[offset..]) {
                        *y += other;
                    }
                }
            }
        }
    }
}
