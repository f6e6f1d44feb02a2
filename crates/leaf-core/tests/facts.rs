//! What is true exactly, whatever the data: facts that beat statistics.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Aggregator, CategoryDecoupling, Combine, DecouplingConfig, Expert, ExpertBank, Experts, Gate,
    GateWeighting, LeafConfig, Linear, MixtureConfig, Mode, NoiseSource, NoisyTopKConfig,
    Parameters, Random, Result, Routing, SetWeighting, cross_entropy, decoupled_consistency,
    leaf_head, mixture_of_experts,
};
use leaf_testkit::entries;

const DEVICE: Device = Device::Cpu;

fn normal(seed: u64, dims: &[usize]) -> Result<Tensor> {
    Random::new(seed).normal_tensor(0., 1., dims, DType::F64, &DEVICE)
}

fn noise() -> NoiseSource {
    NoiseSource::new(Random::new(11))
}

#[test]
fn a_sure_prediction_makes_the_ranking_loss_cross_entropy() -> Result<()> {
    let config = DecouplingConfig {
        weighting: SetWeighting::Concave,
        teacher_temperature: 1.,
        ..Default::default()
    };
    let decoupling = CategoryDecoupling::new(config, 7)?;
    // Logits of up to 8 over noise: every face's largest probability is above the threshold of .9.
    let truth: Vec<u32> = (0..64).map(|i| i % 7).collect();
    let truth = Tensor::new(truth, &DEVICE)?;
    let one_hot = Tensor::eye(7, DType::F64, &DEVICE)?.index_select(&truth, 0)?;
    let weak = ((one_hot * 8.)? + (normal(1, &[64, 7])? * 0.5)?)?;
    let probs = candle_nn::ops::softmax(&weak, 1)?;
    assert!(probs.max(1)?.min_all()?.to_scalar::<f64>()? >= 0.9);

    let sets = decoupling.decouple(&probs)?;
    let strong = normal(2, &[64, 7])?;
    let ranking = entries(&(decoupled_consistency(&strong, &sets)? * &sets.weight)?)?;
    let plain = entries(&(cross_entropy(&strong, &truth)? * &sets.weight)?)?;
    for (r, p) in ranking.iter().zip(&plain) {
        assert!((r - p).abs() < 1e-12, "{r} {p}");
    }
    Ok(())
}

#[test]
fn experts_with_a_zero_last_layer_are_the_identity() -> Result<()> {
    let xs = normal(1, &[9, 8])?;
    for mode in [Mode::Train, Mode::Teacher, Mode::Eval] {
        let vb = Parameters::new(0).builder(DType::F64, &DEVICE);
        let mixture = mixture_of_experts(8, &MixtureConfig::default(), vb, noise())?;
        let ys = mixture.aggregate(&xs, mode)?.output;
        for (x, y) in entries(&xs)?.iter().zip(entries(&ys)?) {
            assert!((x - y).abs() < 1e-14, "{x} {y}");
        }
    }
    Ok(())
}

#[test]
fn the_robust_head_starts_as_its_linear_classifier() -> Result<()> {
    let xs = normal(1, &[9, 8])?;
    let logits = |config: &LeafConfig| -> Result<Vec<f64>> {
        let vb = Parameters::new(5).builder(DType::F64, &DEVICE);
        let head = leaf_head(config, 8, 7, vb, &noise())?;
        Ok(entries(&head.forward(&xs, Mode::Train)?.logits)?)
    };
    let plain = logits(&LeafConfig::off())?;
    for (leaf, plain) in logits(&LeafConfig::robust())?.iter().zip(&plain) {
        assert!((leaf - plain).abs() < 1e-13, "{leaf} {plain}");
    }
    Ok(())
}

/// The largest gradient of the task (without balance) at the gate's weights.
fn gate_gradient(k: usize, weighting: GateWeighting) -> Result<f64> {
    let parameters = Parameters::new(0);
    let config = MixtureConfig {
        gate: NoisyTopKConfig {
            k,
            weighting,
            ..Default::default()
        },
        zero_init: false,
        ..Default::default()
    };
    let vb = parameters.builder(DType::F64, &DEVICE);
    let mixture = mixture_of_experts(8, &config, vb, noise())?;
    let ys = mixture.aggregate(&normal(1, &[9, 8])?, Mode::Train)?.output;
    let grads = (ys * normal(2, &[9, 8])?)?.sum_all()?.backward()?;
    let gate = &parameters.trainable()["gate.w_gate"];
    let grad = grads.get(gate).expect("the gate is in the graph");
    Ok(grad.abs()?.max_all()?.to_scalar()?)
}

#[test]
fn a_gate_learns_from_the_task_unless_its_one_weight_is_constant() -> Result<()> {
    assert_eq!(gate_gradient(1, GateWeighting::TopKSoftmax)?, 0.);
    for k in 2..=4 {
        assert!(gate_gradient(k, GateWeighting::TopKSoftmax)? > 1e-3, "{k}");
    }
    assert!(gate_gradient(1, GateWeighting::SoftmaxTopK)? > 1e-3);
    Ok(())
}

#[test]
fn the_log_space_combination_is_finite_for_every_finite_answer() -> Result<()> {
    // Two experts that answer a constant; where the direct form overflows or underflows.
    for (a, b) in [(88., 89.), (1e4, -1e4), (-200., -200.), (3e38, -3e38)] {
        let constant = |value: f32| -> Result<Expert> {
            Ok(Expert::Linear(Linear::new(
                Tensor::zeros((1, 1), DType::F32, &DEVICE)?,
                Tensor::new(&[value], &DEVICE)?,
            )))
        };
        let bank = ExpertBank::distinct(vec![constant(a as f32)?, constant(b as f32)?])?;
        let weights = Var::new(&[[0.5f32, 0.5]], &DEVICE)?;
        let routing = Routing {
            weights: weights.as_tensor().clone(),
            experts: Tensor::new(&[[0u32, 1]], &DEVICE)?,
            importance: Tensor::new(&[0.5f32, 0.5], &DEVICE)?,
            load: Tensor::new(&[1f32, 1.], &DEVICE)?,
        };
        let x = Tensor::new(&[[0f32]], &DEVICE)?;
        let y = bank.fuse(&x, &routing, Combine::LogSpace, Mode::Train)?;
        let value = entries(&y)?[0];
        let largest = f64::from((a as f32).max(b as f32));
        assert!(value.is_finite(), "{a} {b}");
        assert!(
            (value - largest).abs() <= 1. + largest.abs() * 1e-6,
            "{value} {largest}"
        );
        let grads = y.sum_all()?.backward()?;
        for slope in entries(grads.get(&weights).expect("a gradient"))? {
            assert!(slope.is_finite(), "{a} {b}");
        }
    }
    Ok(())
}

#[test]
fn tied_experts_equal_one_expert_whatever_the_gate_says() -> Result<()> {
    let parameters = Parameters::new(0);
    let vb = parameters.builder(DType::F64, &DEVICE);
    let xs = normal(1, &[9, 8])?;
    let config = MixtureConfig {
        tied: true,
        zero_init: false,
        combine: Combine::LogSpace,
        ..Default::default()
    };
    let ys = mixture_of_experts(8, &config, vb.clone(), noise())?.aggregate(&xs, Mode::Train)?;
    let alone = leaf_core::expert(8, config.expert, false, vb.pp("experts.0"))?;
    let alone = alone.forward(&xs, Mode::Train)?;
    for (mixture, alone) in entries(&ys.output)?.iter().zip(entries(&alone)?) {
        assert!((mixture - alone).abs() < 1e-13);
    }
    Ok(())
}

#[test]
fn evaluation_records_no_graph() -> Result<()> {
    for config in [
        LeafConfig::robust(),
        LeafConfig::paper(),
        LeafConfig::released(),
    ] {
        let vb = Parameters::new(0).builder(DType::F64, &DEVICE);
        let head = leaf_head(&config, 8, 7, vb, &noise())?;
        let xs = Var::from_tensor(&normal(1, &[3, 8])?)?;
        for mode in [Mode::Teacher, Mode::Eval] {
            let output = head.forward(&xs, mode)?;
            assert!(!output.logits.track_op() && !output.features.track_op());
            assert!(output.balance.is_none_or(|balance| !balance.track_op()));
        }
        assert!(head.forward(&xs, Mode::Train)?.logits.track_op());
    }
    Ok(())
}

#[test]
fn a_custom_gate_fits_the_mixture() -> Result<()> {
    /// Sends every row to the first expert.
    struct First;
    impl Gate for First {
        fn num_experts(&self) -> usize {
            2
        }
        fn route(&self, xs: &Tensor, _mode: Mode) -> Result<Routing> {
            let rows = xs.dim(0)?;
            let load = Tensor::new(&[rows as f64, 0.], xs.device())?;
            Ok(Routing {
                weights: Tensor::ones((rows, 1), xs.dtype(), xs.device())?,
                experts: Tensor::zeros((rows, 1), DType::U32, xs.device())?,
                importance: load.clone(),
                load,
            })
        }
    }
    let vb = Parameters::new(0).builder(DType::F64, &DEVICE);
    let config = MixtureConfig::default();
    let bank = leaf_core::expert_bank(8, 2, config.expert, false, false, vb.clone())?;
    let mixture = leaf_core::MixtureOfExperts::new(First, bank, Combine::WeightedSum)?;
    let xs = normal(1, &[3, 8])?;
    let ys = mixture.aggregate(&xs, Mode::Eval)?.output;
    let first = leaf_core::expert(8, config.expert, false, vb.pp("0"))?;
    assert_eq!(entries(&ys)?, entries(&first.forward(&xs, Mode::Eval)?)?);
    Ok(())
}
