//! Both trainers against the rules written out in plain loops.

use candle_core::{DType, Tensor};
use leaf_comatch::{CoMatchConfig, SimMatchConfig};
use leaf_core::{LeafConfig, Mode};
use leaf_ssl::{Algorithm, Batch, Losses, Network, QueueAlignmentConfig, Result, Stateful};
use leaf_trial::{CLASSES, STEPS, Trial, batch, task};

const STEPS_PER_EPOCH: usize = 3;
const WIDTH: usize = 8;
const THRESHOLD: f64 = 0.17;
const ALIGNED: usize = 4;

type Rows = Vec<Vec<f64>>;

fn rows(tensor: &Tensor) -> Result<Rows> {
    Ok(tensor.to_dtype(DType::F64)?.to_vec2()?)
}

/// Logits and embeddings of a view.
fn answers(trial: &Trial, images: &Tensor) -> Result<(Rows, Rows)> {
    let output = trial.student.forward(images, Mode::Eval)?;
    let embeddings = trial.student.project(&output.aggregated, Mode::Eval)?;
    Ok((rows(&output.logits)?, rows(&embeddings)?))
}

fn softmax(scores: impl Iterator<Item = f64>) -> Vec<f64> {
    let powers: Vec<f64> = scores.map(f64::exp).collect();
    normalized(&powers)
}

fn normalized(values: &[f64]) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    values.iter().map(|value| value / sum).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The softmax over rows of the product with each, divided by the temperature.
fn resemblance(embedding: &[f64], others: &Rows, temperature: f64) -> Vec<f64> {
    let products = others.iter().map(|other| dot(embedding, other));
    softmax(products.map(|product| product / temperature))
}

fn cross_entropy(logits: &[f64], target: &[f64]) -> f64 {
    let probs = softmax(logits.iter().copied());
    let pairs = target.iter().zip(probs);
    pairs.map(|(target, prob)| -target * prob.ln()).sum()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn largest(probs: &[f64]) -> f64 {
    probs.iter().copied().fold(0., f64::max)
}

fn mixed(share: f64, probs: &[f64], others: &[f64]) -> Vec<f64> {
    let pairs = probs.iter().zip(others);
    pairs.map(|(p, o)| share * p + (1. - share) * o).collect()
}

/// What both keep: the means of the last batches' predictions.
#[derive(Default)]
struct Queue(Vec<Vec<f64>>);

impl Queue {
    fn align(&mut self, logits: &Rows) -> Rows {
        let probs: Rows = logits
            .iter()
            .map(|row| softmax(row.iter().copied()))
            .collect();
        let mean = (0..CLASSES).map(|class| mean(probs.iter().map(|row| row[class])));
        self.0.push(mean.collect());
        let last = &self.0[self.0.len().saturating_sub(ALIGNED)..];
        let align = |row: &Vec<f64>| {
            let scaled: Vec<f64> = (0..CLASSES)
                .map(|class| {
                    let sum: f64 = last.iter().map(|mean| mean[class]).sum();
                    row[class] * (1. / CLASSES as f64 + 1e-6) / (sum / ALIGNED as f64 + 1e-6)
                })
                .collect();
            normalized(&scaled)
        };
        probs.iter().map(align).collect()
    }
}

/// The supervised and the unlabelled term, with the share of faces that pass.
fn host_terms(trial: &Trial, batch: &Batch, strong: &Rows, probs: &Rows) -> Result<[f64; 3]> {
    let (labeled, _) = answers(trial, &batch.labeled.images)?;
    let labels = batch.labeled.labels.to_vec1::<u32>()?;
    let supervised = labeled.iter().zip(&labels).map(|(logits, &label)| {
        let probs = softmax(logits.iter().copied());
        -probs[label as usize].ln()
    });
    let passes: Vec<f64> = probs
        .iter()
        .map(|probs| f64::from(u8::from(largest(probs) >= THRESHOLD)))
        .collect();
    let faces = (0..probs.len()).map(|i| passes[i] * cross_entropy(&strong[i], &probs[i]));
    Ok([mean(supervised), mean(faces), mean(passes.iter().copied())])
}

fn assert_terms(losses: &Losses, expected: [f64; 3], names: [&str; 3], weights: [f64; 3]) {
    let scalar = |tensor: &Tensor| f64::from(tensor.to_scalar::<f32>().unwrap());
    for (((found, loss), expected), name) in losses.terms.iter().zip(expected).zip(names) {
        assert_eq!(*found, name);
        let loss = scalar(loss);
        assert!((loss - expected).abs() < 1e-5, "{name}: {loss} {expected}");
    }
    let total = dot(&expected, &weights);
    assert!((scalar(&losses.total) - total).abs() < 2e-5);
}

fn alignment() -> Option<QueueAlignmentConfig> {
    Some(QueueAlignmentConfig {
        length: ALIGNED,
        ..QueueAlignmentConfig::default()
    })
}

/// `-Σ_j W_ij log(S_ij + 1e-7)`, averaged.
fn graph_term(first: &Rows, second: &Rows, probs: &Rows, config: &CoMatchConfig) -> f64 {
    let face = |i: usize| {
        let edges: Vec<f64> = (0..probs.len())
            .map(|j| match dot(&probs[i], &probs[j]) {
                _ if i == j => 1.,
                product if product >= config.graph_threshold => product,
                _ => 0.,
            })
            .collect();
        let similar = resemblance(&first[i], second, config.temperature);
        let pairs = normalized(&edges).into_iter().zip(similar);
        pairs.map(|(w, s)| -w * (s + 1e-7).ln()).sum::<f64>()
    };
    mean((0..probs.len()).map(face))
}

/// What CoMatch remembers: embeddings with probabilities, a pair a batch.
type Memory = Vec<(Rows, Rows)>;

fn smoothed(probs: &Rows, weak: &Rows, memory: &Memory, config: &CoMatchConfig) -> Rows {
    let last = &memory[memory.len().saturating_sub(config.queue_batches)..];
    let kept: Rows = last.iter().flat_map(|(kept, _)| kept.clone()).collect();
    let theirs: Rows = last.iter().flat_map(|(_, probs)| probs.clone()).collect();
    let face = |(probs, weak): (&Vec<f64>, &Vec<f64>)| {
        let shares = resemblance(weak, &kept, config.temperature);
        let recalled: Vec<f64> = (0..CLASSES)
            .map(|class| shares.iter().zip(&theirs).map(|(s, p)| s * p[class]).sum())
            .collect();
        mixed(config.smoothing, probs, &recalled)
    };
    probs.iter().zip(weak).map(face).collect()
}

#[test]
fn comatch_is_its_rule_in_plain_loops() -> Result<()> {
    // The memory is used in the steps that are more than 2 and past the first epoch, or more than 5.
    for queue_batches in [2, 5] {
        let config = CoMatchConfig {
            threshold: THRESHOLD,
            lambda_u: 0.7,
            lambda_c: 1.3,
            graph_threshold: 0.16,
            smoothing: 0.6,
            queue_batches,
            projection: WIDTH,
            alignment: alignment(),
            ..CoMatchConfig::default()
        };
        let mut algorithm = config.build(&task())?;
        let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
        let (mut queue, mut memory, mut passed) = (Queue::default(), Memory::new(), 0.);
        for index in 0..STEPS {
            let batch = batch(index, algorithm.views())?;
            let (logits, weak) = answers(&trial, &batch.unlabeled.weak[0])?;
            let aligned = queue.align(&logits);
            let warm = index >= STEPS_PER_EPOCH && index > queue_batches;
            let probs = match warm {
                true => smoothed(&aligned, &weak, &memory, &config),
                false => aligned.clone(),
            };
            let (_, mut kept) = answers(&trial, &batch.labeled.images)?;
            let mut theirs: Rows = Vec::new();
            for label in batch.labeled.labels.to_vec1::<u32>()? {
                let one_hot = |class| f64::from(u8::from(class == label as usize));
                theirs.push((0..CLASSES).map(one_hot).collect());
            }
            kept.extend(weak);
            theirs.extend(aligned);
            memory.push((kept, theirs));

            let (strong, first) = answers(&trial, &batch.unlabeled.strong[0])?;
            let (_, second) = answers(&trial, &batch.unlabeled.strong[1])?;
            let [supervised, unlabeled, share] = host_terms(&trial, &batch, &strong, &probs)?;
            passed += share;
            let graph = graph_term(&first, &second, &probs, &config);
            let losses = trial.losses(&mut algorithm, &batch, index)?;
            let names = ["supervised", "unlabeled", "graph contrast"];
            assert_terms(
                &losses,
                [supervised, unlabeled, graph],
                names,
                [1., 0.7, 1.3],
            );
        }
        assert!(passed > 0.5 && passed < STEPS as f64 - 0.5, "{passed}");
    }
    Ok(())
}

/// `m <- unit(a m + (1 - a) f)` for the labelled faces, each of which is seen once.
fn follow(bank: &mut Rows, seen: &Rows, momentum: f64) {
    for (kept, seen) in bank.iter_mut().zip(seen) {
        let moved = mixed(momentum, kept, seen);
        let length = dot(&moved, &moved).sqrt();
        *kept = moved.into_iter().map(|value| value / length).collect();
    }
}

#[test]
fn simmatch_is_its_rule_in_plain_loops() -> Result<()> {
    let config = SimMatchConfig {
        threshold: THRESHOLD,
        lambda_u: 0.7,
        lambda_in: 1.3,
        smoothing: 0.6,
        projection: WIDTH,
        alignment: alignment(),
        ..SimMatchConfig::default()
    };
    let mut algorithm = config.build(&task())?;
    let classes: Vec<usize> = task().labeled.iter().map(|&(_, class)| class).collect();
    let trial = Trial::new(&LeafConfig::off(), &algorithm)?;
    let mut bank = rows(&algorithm.state()?["bank.mem_bank"])?;
    let (mut queue, mut passed) = (Queue::default(), 0.);
    for index in 0..STEPS {
        let batch = batch(index, algorithm.views())?;
        let (logits, weak) = answers(&trial, &batch.unlabeled.weak[0])?;
        let (strong, embeddings) = answers(&trial, &batch.unlabeled.strong[0])?;
        let aligned = queue.align(&logits);
        let warm = index >= STEPS_PER_EPOCH;
        let (mut probs, mut instances) = (Rows::new(), 0.);
        for (i, aligned) in aligned.iter().enumerate() {
            let shares = resemblance(&weak[i], &bank, config.temperature);
            let pairs = shares.iter().zip(&classes);
            let weighted: Vec<f64> = pairs
                .map(|(share, &class)| share * aligned[class])
                .collect();
            let similar = resemblance(&embeddings[i], &bank, config.temperature);
            let pairs = normalized(&weighted).into_iter().zip(similar);
            let loss: f64 = pairs.map(|(target, share)| -target * share.ln()).sum();
            instances += loss / weak.len() as f64;
            let mut by_class = vec![0.; CLASSES];
            for (share, &class) in shares.iter().zip(&classes) {
                by_class[class] += share;
            }
            let share = if warm { config.smoothing } else { 1. };
            probs.push(mixed(share, aligned, &by_class));
        }
        let [supervised, unlabeled, share] = host_terms(&trial, &batch, &strong, &probs)?;
        passed += share;
        let (_, labeled) = answers(&trial, &batch.labeled.images)?;
        follow(&mut bank, &labeled, config.bank_momentum);

        let losses = trial.losses(&mut algorithm, &batch, index)?;
        let names = ["supervised", "unlabeled", "instance similarity"];
        let weights = [1., 0.7, if warm { 1.3 } else { 0. }];
        assert_terms(&losses, [supervised, unlabeled, instances], names, weights);
    }
    assert!(passed > 0.5 && passed < STEPS as f64 - 0.5, "{passed}");
    let kept = rows(&algorithm.state()?["bank.mem_bank"])?;
    for (kept, expected) in kept.iter().flatten().zip(bank.iter().flatten()) {
        assert!((kept - expected).abs() < 1e-5);
    }
    Ok(())
}
