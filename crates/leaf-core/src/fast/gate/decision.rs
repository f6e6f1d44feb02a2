//! One row's choice of experts, and how its gradients reach the row's scores.

use candle_core::cpu::erf::erf_f64;

use super::super::ranking::largest;
use crate::GateWeighting;

/// A gate's numbers that hold for all rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) num_experts: usize,
    pub(super) kept: usize,
    pub(super) weighting: GateWeighting,
    pub(super) noise_epsilon: f64,
    pub(super) is_noisy: bool,
}

/// One row: scores, and the place of each rank that matters.
#[derive(Debug)]
pub(super) struct Row {
    /// `x W_g`.
    clean: Vec<f64>,
    /// `x W_n`; empty without noise.
    raw_spread: Vec<f64>,
    noise: Vec<f64>,
    /// With noise.
    scores: Vec<f64>,
    /// The experts with the largest scores, one more than are kept if there is one; ties by number.
    pub(super) order: Vec<usize>,
    /// `(N, k)`.
    pub(super) weights: Vec<f64>,
    /// `e^{h - largest}` over the sum of all; empty unless the rule needs it.
    probs: Vec<f64>,
}

/// What comes back to one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gradients<'a> {
    /// Of the kept weights `(k,)`, through importance as well.
    pub(super) weights: &'a [f64],
    /// Of the load `(E,)`.
    pub(super) load: &'a [f64],
}

/// `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    x.max(0.) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1. / (1. + (-x).exp())
}

impl Rule {
    /// Whether the load is an expectation.
    pub(super) fn is_load_smooth(&self) -> bool {
        self.is_noisy && self.kept < self.num_experts
    }

    /// How many products `x w` a row has.
    pub(super) fn width(&self) -> usize {
        if self.is_noisy {
            2 * self.num_experts
        } else {
            self.num_experts
        }
    }

    /// Decides for a row of products `x W_g`, `x W_n` with this noise.
    pub(super) fn decide(&self, products: &[f64], noise: &[f64]) -> Row {
        let (clean, raw_spread) = products.split_at(self.num_experts);
        let mut row = Row {
            clean: clean.to_vec(),
            raw_spread: raw_spread.to_vec(),
            noise: noise.to_vec(),
            scores: clean.to_vec(),
            order: Vec::new(),
            weights: Vec::new(),
            probs: Vec::new(),
        };
        for (expert, (noise, _)) in noise.iter().zip(raw_spread).enumerate() {
            row.scores[expert] += noise * self.spread(&row, expert);
        }
        row.order = largest(&row.scores, self.num_experts.min(self.kept + 1));
        let kept = &row.order[..self.kept];
        // The largest score leads, so that no power overflows.
        let largest = row.scores[row.order[0]];
        let power = |expert: &usize| (row.scores[*expert] - largest).exp();
        match self.weighting {
            GateWeighting::TopKSoftmax => {
                let powers: Vec<f64> = kept.iter().map(power).collect();
                let total: f64 = powers.iter().sum();
                row.weights = powers.iter().map(|power| power / total).collect();
            }
            GateWeighting::SoftmaxTopK => {
                let all: Vec<usize> = (0..self.num_experts).collect();
                let powers: Vec<f64> = all.iter().map(power).collect();
                let total: f64 = powers.iter().sum();
                row.probs = powers.iter().map(|power| power / total).collect();
                row.weights = kept.iter().map(|expert| row.probs[*expert]).collect();
            }
        }
        row
    }

    fn spread(&self, row: &Row, expert: usize) -> f64 {
        softplus(row.raw_spread[expert]) + self.noise_epsilon
    }

    /// The expert whose score this one has to beat, and by how many spreads it does.
    fn contest(&self, row: &Row, expert: usize) -> (usize, f64) {
        let (worst_kept, best_left_out) = (row.order[self.kept - 1], row.order[self.kept]);
        let is_kept = row.scores[expert] > row.scores[best_left_out];
        let rival = if is_kept { best_left_out } else { worst_kept };
        let lead = row.clean[expert] - row.scores[rival];
        (rival, lead / self.spread(row, expert))
    }

    /// Adds each expert's chance to be kept.
    pub(super) fn add_load(&self, row: &Row, load: &mut [f64]) {
        if !self.is_load_smooth() {
            row.order[..self.kept]
                .iter()
                .for_each(|expert| load[*expert] += 1.);
            return;
        }
        for (expert, load) in load.iter_mut().enumerate() {
            let (_, lead) = self.contest(row, expert);
            *load += 0.5 * (1. + erf_f64(lead * std::f64::consts::FRAC_1_SQRT_2));
        }
    }

    /// The gradients of the row's products, `x W_g` first.
    pub(super) fn backward(&self, row: &Row, gradients: Gradients<'_>) -> Vec<f64> {
        let mut clean = vec![0.; self.num_experts];
        let mut spreads = vec![0.; row.raw_spread.len()];
        let mut scores = self.of_weights(row, gradients.weights);
        if self.is_load_smooth() {
            for (expert, dload) in gradients.load.iter().enumerate() {
                let (rival, lead) = self.contest(row, expert);
                let density = (-0.5 * lead * lead).exp() / std::f64::consts::TAU.sqrt();
                let slope = dload * density / self.spread(row, expert);
                clean[expert] += slope;
                scores[rival] -= slope;
                spreads[expert] -= slope * lead;
            }
        }
        for (clean, score) in clean.iter_mut().zip(&scores) {
            *clean += score;
        }
        for (expert, spread) in spreads.iter_mut().enumerate() {
            *spread += scores[expert] * row.noise[expert];
            *spread *= sigmoid(row.raw_spread[expert]);
        }
        clean.extend(spreads);
        clean
    }

    /// The gradients of the scores through the kept weights.
    fn of_weights(&self, row: &Row, weights: &[f64]) -> Vec<f64> {
        let mut scores = vec![0.; self.num_experts];
        let pairs = weights.iter().zip(&row.weights);
        let mean: f64 = pairs.map(|(gradient, weight)| gradient * weight).sum();
        for ((expert, gradient), weight) in row.order.iter().zip(weights).zip(&row.weights) {
            scores[*expert] = weight * gradient;
        }
        match self.weighting {
            GateWeighting::TopKSoftmax => {
                for (expert, weight) in row.order.iter().zip(&row.weights) {
                    scores[*expert] -= weight * mean;
                }
            }
            GateWeighting::SoftmaxTopK => {
                for (score, prob) in scores.iter_mut().zip(&row.probs) {
                    *score -= prob * mean;
                }
            }
        }
        scores
    }
}
