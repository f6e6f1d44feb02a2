//! Experts by hand in f32 against their twin of candle's operations in f64.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Combine, Expert, ExpertBank, Experts, Linear, Mode, Random, Result, Routing, backward,
};
use leaf_testkit::entries;
use proptest::prelude::*;

const DEVICE: Device = Device::Cpu;

/// None for a variable that nothing reaches.
type MaybeGradient = Option<Vec<f64>>;

/// What a case is made of.
#[derive(Clone, Copy, Debug)]
struct Case {
    seed: u64,
    rows: usize,
    dim: usize,
    /// 0 for linear experts.
    hidden: usize,
    num_experts: usize,
    kept: usize,
    tied: bool,
    how: Combine,
    /// How many experts are chosen from: the others stay empty.
    used: usize,
}

/// The same values in both types.
struct Both {
    single: Vec<Var>,
    double: Vec<Var>,
}

impl Both {
    fn add(&mut self, random: &mut Random, dims: &[usize], std: f64) -> Result<()> {
        let values = random.normal_tensor(0., std, dims, DType::F32, &DEVICE)?;
        self.single.push(Var::from_tensor(&values)?);
        self.double
            .push(Var::from_tensor(&values.to_dtype(DType::F64)?)?);
        Ok(())
    }
}

impl Case {
    /// Features, gate weights and parameters, in this order.
    fn variables(&self, random: &mut Random) -> Result<Both> {
        let Self { dim, hidden, .. } = *self;
        let mut both = Both {
            single: Vec::new(),
            double: Vec::new(),
        };
        both.add(random, &[self.rows, dim], 1.)?;
        both.add(random, &[self.rows, self.kept], 1.)?;
        for _ in 0..if self.tied { 1 } else { self.num_experts } {
            let std = 1. / (dim as f64).sqrt();
            for dims in match hidden {
                0 => vec![vec![dim, dim], vec![dim]],
                _ => vec![
                    vec![hidden, dim],
                    vec![hidden],
                    vec![dim, hidden],
                    vec![dim],
                ],
            } {
                both.add(random, &dims, std)?;
            }
        }
        Ok(both)
    }

    /// Distinct experts for each row.
    fn chosen(&self, random: &mut Random) -> Result<Tensor> {
        let mut chosen: Vec<u32> = Vec::new();
        for _ in 0..self.rows {
            let mut experts: Vec<u32> = (0..self.used.max(self.kept) as u32).collect();
            random.shuffle(&mut experts);
            chosen.extend(&experts[..self.kept]);
        }
        Ok(Tensor::from_vec(chosen, (self.rows, self.kept), &DEVICE)?)
    }

    fn bank(&self, variables: &[Var]) -> Result<ExpertBank> {
        let linear = |at: usize| {
            let [weight, bias] = [at, at + 1].map(|at| variables[at].as_tensor().clone());
            Linear::new(weight, bias)
        };
        let expert = |index: usize| match self.hidden {
            0 => Expert::Linear(linear(2 + 2 * index)),
            _ => Expert::ResidualMlp {
                fc1: linear(2 + 4 * index),
                fc2: linear(4 + 4 * index),
            },
        };
        match self.tied {
            true => ExpertBank::tied(expert(0), self.num_experts),
            false => ExpertBank::distinct((0..self.num_experts).map(expert).collect()),
        }
    }

    /// The output, and the gradients of all variables.
    fn run(
        &self,
        bank: &ExpertBank,
        variables: &[Var],
        chosen: &Tensor,
        cotangent: &Tensor,
        short: bool,
    ) -> Result<(Vec<f64>, Vec<MaybeGradient>)> {
        let xs = variables[0].as_tensor();
        let weights = candle_nn::ops::softmax(&variables[1], 1)?;
        let importance = Tensor::zeros(self.num_experts, xs.dtype(), &DEVICE)?;
        let routing = Routing {
            weights,
            experts: chosen.clone(),
            load: importance.clone(),
            importance,
        };
        let ys = bank.fuse(xs, &routing, self.how, Mode::Train)?;
        let loss = (&ys * cotangent.to_dtype(ys.dtype())?)?.sum_all()?;
        let store = match short {
            true => backward(&loss)?,
            false => loss.backward()?,
        };
        let gradients = variables.iter().map(|variable| {
            let gradient = store.get(variable).map(entries);
            gradient.transpose()
        });
        let gradients = gradients.collect::<candle_core::Result<_>>()?;
        Ok((entries(&ys)?, gradients))
    }
}

fn close(what: &str, found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    let largest = wanted.iter().fold(1f64, |m, w| m.max(w.abs()));
    for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let difference = (found - wanted).abs();
        assert!(
            difference <= 2e-5 * largest,
            "{what}[{i}]: {found} instead of {wanted}"
        );
    }
}

fn check(case: &Case) -> Result<()> {
    let mut random = Random::new(case.seed);
    let both = case.variables(&mut random)?;
    let chosen = case.chosen(&mut random)?;
    let dims = (case.rows, case.dim);
    let cotangent = random.normal_tensor(0., 1., dims, DType::F32, &DEVICE)?;
    let (fast, twin) = (case.bank(&both.single)?, case.bank(&both.double)?.plain());
    let (wanted, wanted_gradients) = case.run(&twin, &both.double, &chosen, &cotangent, false)?;
    for short in [false, true] {
        let (found, gradients) = case.run(&fast, &both.single, &chosen, &cotangent, short)?;
        close("output", &found, &wanted);
        for (index, (found, wanted)) in gradients.iter().zip(&wanted_gradients).enumerate() {
            let (Some(found), Some(wanted)) = (found, wanted) else {
                panic!("{case:?}: variable {index} gets no gradient");
            };
            close(&format!("{case:?}: gradient {index}"), found, wanted);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn by_hand_is_the_twin(
        seed in 0u64..1000, rows in 1usize..40, dim in 1usize..40, hidden in 0usize..30,
        num_experts in 1usize..9, kept in 1usize..9, used in 1usize..9, tied: bool, log_space: bool,
    ) {
        prop_assume!(kept <= num_experts && used <= num_experts);
        let how = if log_space { Combine::LogSpace } else { Combine::WeightedSum };
        check(&Case { seed, rows, dim, hidden, num_experts, kept, tied, how, used }).unwrap();
    }
}

#[test]
fn large_and_uneven() -> Result<()> {
    for (rows, dim, hidden, num_experts, kept, used) in [
        (300, 65, 33, 3, 2, 2),
        (130, 128, 0, 2, 1, 1),
        (9, 300, 70, 64, 3, 64),
        (257, 48, 100, 5, 5, 5),
    ] {
        for how in [Combine::WeightedSum, Combine::LogSpace] {
            check(&Case {
                seed: 5,
                rows,
                dim,
                hidden,
                num_experts,
                kept,
                tied: false,
                how,
                used,
            })?;
        }
    }
    Ok(())
}

fn usual(how: Combine) -> Case {
    Case {
        seed: 3,
        rows: 20,
        dim: 16,
        hidden: 8,
        num_experts: 4,
        kept: 2,
        tied: false,
        how,
        used: 4,
    }
}

#[test]
fn bf16_is_computed_in_f32() -> Result<()> {
    let case = usual(Combine::WeightedSum);
    let mut random = Random::new(case.seed);
    let both = case.variables(&mut random)?;
    let chosen = case.chosen(&mut random)?;
    let converted = |dtype| {
        let rounded = both.single.iter().map(|var| {
            let rounded = var.to_dtype(DType::BF16)?.to_dtype(dtype)?;
            Var::from_tensor(&rounded)
        });
        rounded.collect::<candle_core::Result<Vec<Var>>>()
    };
    let cotangent = Tensor::ones((case.rows, case.dim), DType::F32, &DEVICE)?;
    let vars = converted(DType::BF16)?;
    let (found, found_gradients) =
        case.run(&case.bank(&vars)?, &vars, &chosen, &cotangent, true)?;
    let vars = converted(DType::F64)?;
    let twin = case.bank(&vars)?.plain();
    let (wanted, wanted_gradients) = case.run(&twin, &vars, &chosen, &cotangent, false)?;
    let near = |found: &[f64], wanted: &[f64]| {
        let largest = wanted.iter().fold(1f64, |m, w| m.max(w.abs()));
        let pairs = found.iter().zip(wanted);
        assert!(
            pairs
                .map(|(f, w)| (f - w).abs())
                .all(|d| d <= 2e-2 * largest)
        );
    };
    near(&found, &wanted);
    for (found, wanted) in found_gradients
        .iter()
        .flatten()
        .zip(wanted_gradients.iter().flatten())
    {
        near(found, wanted);
    }
    Ok(())
}

/// A pass over rows whose weights are these.
fn with_weights(bank: &ExpertBank, weights: &Tensor, how: Combine) -> Result<(Vec<f64>, Vec<f64>)> {
    let weights = Var::from_tensor(weights)?;
    let (rows, kept) = weights.dims2()?;
    let chosen = (0..rows * kept).map(|i| (i % kept) as u32);
    let importance = Tensor::zeros(bank.num_experts(), DType::F32, &DEVICE)?;
    let routing = Routing {
        weights: weights.as_tensor().clone(),
        experts: Tensor::from_iter(chosen, &DEVICE)?.reshape((rows, kept))?,
        load: importance.clone(),
        importance,
    };
    let xs = Tensor::ones((rows, 16), DType::F32, &DEVICE)?;
    let ys = bank.fuse(&xs, &routing, how, Mode::Train)?;
    let store = ys.sum_all()?.backward()?;
    let gradient = store.get(&weights).expect("a gradient");
    Ok((entries(&ys)?, entries(gradient)?))
}

#[test]
fn weights_that_underflowed_are_finite() -> Result<()> {
    for how in [Combine::WeightedSum, Combine::LogSpace] {
        let case = usual(how);
        let both = case.variables(&mut Random::new(case.seed))?;
        let bank = case.bank(&both.single)?;
        let weights = Tensor::new(
            &[[1f32, 0.], [0., 0.], [1e-40, 1.], [1e-30, 1e-30]],
            &DEVICE,
        )?;
        let (found, slopes) = with_weights(&bank, &weights, how)?;
        let (wanted, wanted_slopes) = with_weights(&bank.plain(), &weights, how)?;
        close("output", &found, &wanted);
        let largest = wanted_slopes.iter().fold(1f64, |m, w| m.max(w.abs()));
        for (found, wanted) in slopes.iter().zip(&wanted_slopes) {
            assert!(found.is_finite());
            assert!((found - wanted).abs() <= 1e-4 * wanted.abs().max(1e-6 * largest));
        }
    }
    Ok(())
}

#[test]
fn a_routing_that_does_not_fit_is_named() -> Result<()> {
    let case = usual(Combine::WeightedSum);
    let both = case.variables(&mut Random::new(case.seed))?;
    let bank = case.bank(&both.single)?;
    let importance = Tensor::zeros(4, DType::F32, &DEVICE)?;
    let fuse = |rows: usize, expert: u32| {
        let routing = Routing {
            weights: Tensor::ones((rows, 1), DType::F32, &DEVICE)?,
            experts: Tensor::full(expert, (rows, 1), &DEVICE)?,
            load: importance.clone(),
            importance: importance.clone(),
        };
        bank.fuse(&both.single[0], &routing, Combine::WeightedSum, Mode::Eval)
    };
    assert!(fuse(20, 3).is_ok());
    let error = fuse(20, 4).unwrap_err().to_string();
    assert!(error.contains("routing.experts = 4"), "{error}");
    let error = fuse(19, 3).unwrap_err().to_string();
    assert!(
        error.contains("routing's weights") && error.contains("20"),
        "{error}"
    );
    Ok(())
}

#[test]
fn no_rows_pass_through() -> Result<()> {
    let config = leaf_core::MixtureConfig::default();
    let vb = leaf_core::Parameters::new(0).builder(DType::F32, &DEVICE);
    let noise = leaf_core::NoiseSource::new(Random::new(0));
    let mixture = leaf_core::mixture_of_experts(16, &config, vb, noise)?;
    let xs = Tensor::zeros((0, 16), DType::F32, &DEVICE)?;
    for mixture in [mixture.clone(), mixture.plain()] {
        for mode in [Mode::Train, Mode::Eval] {
            let aggregated = leaf_core::Aggregator::aggregate(&mixture, &xs, mode)?;
            assert_eq!(aggregated.output.dims(), [0, 16]);
        }
    }
    Ok(())
}
