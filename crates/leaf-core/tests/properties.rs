//! Random inputs against naive twins: loops over plain numbers that follow the formulas.

use candle_core::{DType, Device, Tensor};
use leaf_core::{
    Aggregator, CategoryDecoupling, Combine, ContrastiveConfig, DecouplingConfig, ExpertKind, Gate,
    GateWeighting, MixtureConfig, Mode, NoiseSource, NoisyTopKConfig, Pairs, Parameters, Random,
    Result, SetWeighting, contrastive, decoupled_consistency, mixture_of_experts, noisy_top_k,
    positive_set_loss, unit_length,
};
use proptest::prelude::*;

const DEVICE: Device = Device::Cpu;

fn normal(seed: u64, rows: usize, columns: usize, std: f64) -> Result<Tensor> {
    Random::new(seed).normal_tensor(0., std, (rows, columns), DType::F64, &DEVICE)
}

fn rows(tensor: &Tensor) -> Vec<Vec<f64>> {
    tensor.to_vec2().expect("a matrix of f64")
}

fn softmax(xs: &[f64]) -> Vec<f64> {
    let largest = xs.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = xs.iter().map(|x| (x - largest).exp()).sum();
    xs.iter().map(|x| (x - largest).exp() / sum).collect()
}

/// The places of the values, the largest first, ties by the lower place.
fn ranked(xs: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..xs.len()).collect();
    order.sort_by(|&a, &b| xs[b].total_cmp(&xs[a]).then(a.cmp(&b)));
    order
}

/// n of the positive set, by the rule's own words.
fn naive_count(sorted: &[f64], max_positives: usize, threshold: f64) -> usize {
    (1..max_positives)
        .find(|&j| sorted[..=j].iter().sum::<f64>() >= threshold)
        .unwrap_or(max_positives)
}

fn naive_weight(sorted: &[f64], n: usize, weighting: SetWeighting) -> f64 {
    let a = sorted[..=n].iter().sum::<f64>() / (n + 1) as f64;
    let b = sorted[n];
    let weight = match weighting {
        SetWeighting::Linear => (a - b) / a,
        SetWeighting::Convex => (a - b) / (a + b),
        SetWeighting::Concave => (1. + 50. * (a - b)).ln() / (1. + 50. * a).ln(),
        SetWeighting::None => 1.,
    };
    weight.clamp(0., 1.)
}

fn close(found: f64, wanted: f64) -> std::result::Result<(), TestCaseError> {
    prop_assert!(
        (found - wanted).abs() <= 1e-9 * wanted.abs().max(1.),
        "{found} instead of {wanted}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn routing_keeps_the_k_largest(
        seed in 0u64..1000, n in 1usize..20, experts in 1usize..9, k in 1usize..9, renormalized: bool,
    ) {
        prop_assume!(k <= experts);
        let config = NoisyTopKConfig {
            num_experts: experts,
            k,
            weighting: if renormalized { GateWeighting::TopKSoftmax } else { GateWeighting::SoftmaxTopK },
            init_std: 1.,
            ..Default::default()
        };
        let parameters = Parameters::new(seed);
        let vb = parameters.builder(DType::F64, &DEVICE);
        let gate = noisy_top_k(5, &config, vb, NoiseSource::new(Random::new(seed))).unwrap();
        let xs = normal(seed, n, 5, 1.).unwrap();
        let routing = gate.route(&xs, Mode::Eval).unwrap();
        let scores = rows(&xs.matmul(&parameters.trainable()["w_gate"]).unwrap());
        let dense = rows(&routing.dense().unwrap());
        let mut importance = vec![0.; experts];
        for (scores, dense) in scores.iter().zip(&dense) {
            let kept = &ranked(scores)[..k];
            let among: Vec<f64> = kept.iter().map(|&e| scores[e]).collect();
            let (among, all) = (softmax(&among), softmax(scores));
            for (e, &weight) in dense.iter().enumerate() {
                let wanted = match kept.iter().position(|&x| x == e) {
                    None => 0.,
                    Some(at) if renormalized => among[at],
                    Some(_) => all[e],
                };
                close(weight, wanted)?;
                importance[e] += wanted;
            }
        }
        for (found, wanted) in routing.importance.to_vec1::<f64>().unwrap().iter().zip(importance) {
            close(*found, wanted)?;
        }
        let load: f64 = routing.load.to_vec1::<f64>().unwrap().iter().sum();
        close(load, (n * k) as f64)?;
        let usage: f64 = routing.usage().unwrap().to_vec1::<f64>().unwrap().iter().sum();
        close(usage, 1.)?;
    }

    #[test]
    fn a_mixture_is_the_weighted_sum_of_its_experts(
        seed in 0u64..1000, n in 1usize..12, experts in 1usize..7, k in 1usize..7, dim in 1usize..9,
        log_space: bool, linear: bool,
    ) {
        prop_assume!(k <= experts);
        let kind = if linear { ExpertKind::Linear } else { ExpertKind::ResidualMlp { hidden: None } };
        let config = MixtureConfig {
            gate: NoisyTopKConfig { num_experts: experts, k, init_std: 1., ..Default::default() },
            expert: kind,
            tied: false,
            zero_init: false,
            combine: if log_space { Combine::LogSpace } else { Combine::WeightedSum },
        };
        let vb = Parameters::new(seed).builder(DType::F64, &DEVICE);
        let noise = NoiseSource::new(Random::new(seed));
        let mixture = mixture_of_experts(dim, &config, vb.clone(), noise).unwrap();
        let xs = normal(seed, n, dim, 1.).unwrap();
        let found = mixture.aggregate(&xs, Mode::Eval).unwrap();
        let weights = rows(&found.routing[0].dense().unwrap());
        let answers: Vec<Vec<Vec<f64>>> = (0..experts).map(|e| {
            let expert = leaf_core::expert(dim, kind, false, vb.pp("experts").pp(e)).unwrap();
            rows(&expert.forward(&xs, Mode::Eval).unwrap())
        }).collect();
        for (row, ys) in rows(&found.output).iter().enumerate() {
            for (d, &y) in ys.iter().enumerate() {
                let terms = (0..experts).filter(|&e| weights[row][e] > 0.);
                let wanted = if log_space {
                    terms.map(|e| weights[row][e] * answers[e][row][d].exp()).sum::<f64>().ln()
                } else {
                    terms.map(|e| weights[row][e] * answers[e][row][d]).sum::<f64>()
                };
                close(y, wanted)?;
            }
        }
    }

    #[test]
    fn rows_do_not_see_each_other(seed in 0u64..1000, n in 2usize..12) {
        let config = MixtureConfig { zero_init: false, ..Default::default() };
        let vb = Parameters::new(seed).builder(DType::F64, &DEVICE);
        let noise = NoiseSource::new(Random::new(seed));
        let mixture = mixture_of_experts(6, &config, vb, noise).unwrap();
        let xs = normal(seed, n, 6, 1.).unwrap();
        let all = rows(&mixture.aggregate(&xs, Mode::Eval).unwrap().output);
        for (row, wanted) in all.iter().enumerate() {
            let alone = xs.narrow(0, row, 1).unwrap();
            let alone = rows(&mixture.aggregate(&alone, Mode::Eval).unwrap().output);
            for (found, wanted) in alone[0].iter().zip(wanted) {
                close(*found, *wanted)?;
            }
        }
    }

    #[test]
    fn sets_follow_the_rule(
        seed in 0u64..1000, n in 1usize..12, classes in 2usize..11, max_positives in 1usize..10,
        threshold in 0.3f64..1., spread in 0.1f64..4., temperature in 0.5f64..3., kind in 0usize..4,
    ) {
        prop_assume!(max_positives < classes);
        let weighting = [
            SetWeighting::Linear, SetWeighting::Convex, SetWeighting::Concave, SetWeighting::None,
        ][kind];
        let config = DecouplingConfig { max_positives, threshold, weighting, teacher_temperature: temperature };
        let decoupling = CategoryDecoupling::new(config, classes).unwrap();
        let logits = normal(seed, n, classes, spread).unwrap();
        let probs = candle_nn::ops::softmax(&logits, 1).unwrap();
        let sets = decoupling.decouple(&probs).unwrap();
        let positive: Vec<Vec<u8>> = sets.positive.to_vec2().unwrap();
        let count: Vec<f64> = sets.count.to_vec1().unwrap();
        let weight: Vec<f64> = sets.weight.to_vec1().unwrap();
        let strong = normal(seed + 1, n, classes, 2.).unwrap();
        let ranking: Vec<f64> = decoupled_consistency(&strong, &sets).unwrap().to_vec1().unwrap();
        let mass: Vec<f64> = positive_set_loss(&strong, &sets).unwrap().to_vec1().unwrap();
        for (row, probs) in rows(&probs).iter().enumerate() {
            let softened: Vec<f64> = probs.iter().map(|p| p.max(1e-8).ln() / temperature).collect();
            let softened = softmax(&softened);
            let order = ranked(&softened);
            let sorted: Vec<f64> = order.iter().map(|&c| softened[c]).collect();
            let n = naive_count(&sorted, max_positives, threshold);
            prop_assert_eq!(count[row], n as f64);
            for (rank, &class) in order.iter().enumerate() {
                prop_assert_eq!(positive[row][class], u8::from(rank < n));
            }
            close(weight[row], naive_weight(&sorted, n, weighting))?;

            let strong = &rows(&strong)[row];
            let mut pairs = 0.;
            for &p in &order[..n] {
                for &q in &order[n..] {
                    pairs += (strong[q] - strong[p]).exp();
                }
            }
            close(ranking[row], (1. + pairs).ln())?;
            let inside: f64 = order[..n].iter().map(|&p| softmax(strong)[p]).sum();
            close(mass[row], -inside.ln())?;
        }
    }

    #[test]
    fn adding_a_constant_to_the_logits_changes_no_loss(seed in 0u64..1000, shift in -50f64..50.) {
        let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), 7).unwrap();
        let probs = candle_nn::ops::softmax(&normal(seed, 5, 7, 2.).unwrap(), 1).unwrap();
        let sets = decoupling.decouple(&probs).unwrap();
        let strong = normal(seed + 1, 5, 7, 2.).unwrap();
        let shifted = (&strong + shift).unwrap();
        for loss in [decoupled_consistency, positive_set_loss] {
            let plain: Vec<f64> = loss(&strong, &sets).unwrap().to_vec1().unwrap();
            let moved: Vec<f64> = loss(&shifted, &sets).unwrap().to_vec1().unwrap();
            for (found, wanted) in moved.iter().zip(plain) {
                close(*found, wanted)?;
            }
        }
    }

    #[test]
    fn contrast_follows_its_formula(seed in 0u64..1000, n in 1usize..7, views in 1usize..4, kind in 0usize..3) {
        let dim = 4;
        let raw = normal(seed, n * views, dim, 1.).unwrap();
        let tensor = unit_length(&raw).unwrap().reshape((n, views, dim)).unwrap();
        let classes: Vec<u32> = (0..n).map(|i| (seed as u32 + i as u32 * 7) % 3).collect();
        let classes = Tensor::from_vec(classes, n, &DEVICE).unwrap();
        let mask = normal(seed + 5, n, n, 1.).unwrap().gt(0.).unwrap().to_dtype(DType::F64).unwrap();
        let pairs = [Pairs::Faces, Pairs::Classes(&classes), Pairs::Mask(&mask)][kind];
        let config = ContrastiveConfig { temperature: 0.5, ..Default::default() };
        let found: Vec<f64> = contrastive(&tensor, pairs, &config).unwrap().to_vec1().unwrap();

        let z: Vec<Vec<Vec<f64>>> = tensor.to_vec3().unwrap();
        let (class, weight): (Vec<u32>, Vec<Vec<f64>>) = (classes.to_vec1().unwrap(), rows(&mask));
        let drawn = |i: usize, j: usize| match kind {
            0 => f64::from(u8::from(i == j)),
            1 => f64::from(u8::from(class[i] == class[j])),
            _ => weight[i][j],
        };
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / 0.5;
        for i in 0..n {
            let mut mean = 0.;
            for v in 0..views {
                let others = || (0..n).flat_map(|j| (0..views).map(move |w| (j, w)))
                    .filter(|&(j, w)| (j, w) != (i, v));
                let norm: f64 = others().map(|(j, w)| dot(&z[i][v], &z[j][w]).exp()).sum::<f64>().ln();
                let weights: f64 = others().map(|(j, _)| drawn(i, j)).sum();
                let sum: f64 = others().map(|(j, w)| drawn(i, j) * (dot(&z[i][v], &z[j][w]) - norm))
                    .filter(|term| *term != 0.).sum();
                if weights > 0. {
                    mean -= sum / weights * (0.5 / 0.07);
                }
            }
            close(found[i], mean / views as f64)?;
        }
    }
}
