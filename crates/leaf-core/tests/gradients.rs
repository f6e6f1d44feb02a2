//! Every gradient of this crate against f64 finite differences.

use candle_core::{DType, Device, Tensor, Var};
use leaf_core::{
    Aggregator, CategoryDecoupling, Combine, ContrastiveConfig, DecouplingConfig, ExpertKind,
    GateWeighting, InstanceLevel, LeafConfig, MixtureConfig, Mode, NoiseSource, NoisyTopKConfig,
    Normalization, Pairs, Parameters, Random, Result, contrastive, cross_entropy,
    decoupled_consistency, invariance, leaf_head, mixture_of_experts, positive_set_loss,
    soft_cross_entropy, softplus, unit_length,
};
use leaf_testkit::assert_gradients;

fn normal(seed: u64, dims: &[usize]) -> Result<Tensor> {
    Random::new(seed).normal_tensor(0., 1., dims, DType::F64, &Device::Cpu)
}

fn var(seed: u64, dims: &[usize]) -> Result<Var> {
    Ok(Var::from_tensor(&normal(seed, dims)?)?)
}

/// A scalar that weighs every entry differently.
fn weighed(ys: &Tensor) -> Result<Tensor> {
    Ok((ys * normal(99, ys.dims())?)?.sum_all()?)
}

/// Noise that is the same at every evaluation.
fn same_noise() -> NoiseSource {
    NoiseSource::new(Random::new(11))
}

/// The gate by hand before experts by candle's operations, or both by the latter.
fn check_mixture(config: &MixtureConfig, plain: bool) -> Result<()> {
    let parameters = Parameters::new(3);
    let x = var(1, &[6, 5])?;
    let loss = || -> Result<Tensor> {
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let mixture = mixture_of_experts(5, config, vb, same_noise())?;
        let mixture = if plain { mixture.plain() } else { mixture };
        let aggregated = mixture.aggregate(&x, Mode::Train)?;
        let balance = aggregated.balance.expect("a mixture has a balance");
        Ok((weighed(&aggregated.output)? + (balance * 0.3)?)?)
    };
    loss()?;
    let all = parameters.trainable();
    let mut vars: Vec<(&str, &Var)> = all.iter().map(|(name, var)| (name.as_str(), var)).collect();
    vars.push(("x", &x));
    assert_gradients(&vars, loss)
}

#[test]
fn mixtures_of_every_kind() -> Result<()> {
    for weighting in [GateWeighting::TopKSoftmax, GateWeighting::SoftmaxTopK] {
        for combine in [Combine::WeightedSum, Combine::LogSpace] {
            for expert in [
                ExpertKind::Linear,
                ExpertKind::ResidualMlp { hidden: Some(3) },
            ] {
                for (k, tied) in [(1, false), (2, false), (2, true), (4, false)] {
                    let config = MixtureConfig {
                        gate: NoisyTopKConfig {
                            num_experts: 4,
                            k,
                            weighting,
                            init_std: 0.5,
                            ..Default::default()
                        },
                        expert,
                        tied,
                        zero_init: false,
                        combine,
                    };
                    check_mixture(&config, false)?;
                    check_mixture(&config, true)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn whole_heads() -> Result<()> {
    let mixture = MixtureConfig {
        zero_init: false,
        ..MixtureConfig::default()
    };
    let base = LeafConfig {
        semantic: Some(mixture.clone()),
        dropout: 0.3,
        ..LeafConfig::off()
    };
    let heads = [
        LeafConfig {
            instance: Some(InstanceLevel::Features(mixture.clone())),
            normalization: Normalization::LearnableScale { initial: 10. },
            ..base.clone()
        },
        LeafConfig {
            instance: Some(InstanceLevel::Predictions(mixture)),
            normalization: Normalization::Unit,
            ..base.clone()
        },
        base,
        LeafConfig::off(),
    ];
    for config in heads {
        let parameters = Parameters::new(3);
        let x = var(1, &[5, 6])?;
        let loss = || -> Result<Tensor> {
            let vb = parameters.builder(DType::F64, &Device::Cpu);
            let output = leaf_head(&config, 6, 4, vb, &same_noise())?.forward(&x, Mode::Train)?;
            let loss = (weighed(&output.logits)? + weighed(&output.features)?)?;
            Ok(match output.balance {
                Some(balance) => (loss + balance)?,
                None => loss,
            })
        };
        loss()?;
        let all = parameters.trainable();
        let mut vars: Vec<(&str, &Var)> =
            all.iter().map(|(name, var)| (name.as_str(), var)).collect();
        vars.push(("x", &x));
        assert_gradients(&vars, loss)?;
    }
    Ok(())
}

#[test]
fn category_losses() -> Result<()> {
    let decoupling = CategoryDecoupling::new(DecouplingConfig::default(), 7)?;
    let weak = candle_nn::ops::softmax(&(normal(2, &[9, 7])? * 2.)?, 1)?;
    let sets = decoupling.decouple(&weak)?;
    let strong = var(3, &[9, 7])?;
    for loss in [decoupled_consistency, positive_set_loss] {
        assert_gradients(&[("strong", &strong)], || {
            weighed(&(loss(&strong, &sets)? * &sets.weight)?)
        })?;
    }
    Ok(())
}

#[test]
fn contrast_of_every_kind() -> Result<()> {
    let raw = var(4, &[5, 2, 6])?;
    let classes = Tensor::new(&[0u32, 1, 0, 2, 1], &Device::Cpu)?;
    let mask = ((normal(5, &[5, 5])?.gt(0.)?.to_dtype(DType::F64)? * 0.7)?
        + Tensor::eye(5, DType::F64, &Device::Cpu)?)?;
    for pairs in [Pairs::Faces, Pairs::Classes(&classes), Pairs::Mask(&mask)] {
        assert_gradients(&[("views", &raw)], || -> Result<Tensor> {
            let views = unit_length(&raw.reshape((10, 6))?)?.reshape((5, 2, 6))?;
            let config = ContrastiveConfig {
                temperature: 0.3,
                ..Default::default()
            };
            weighed(&contrastive(&views, pairs, &config)?)
        })?;
    }
    Ok(())
}

#[test]
fn small_parts() -> Result<()> {
    let x = var(6, &[4, 5])?;
    let classes = Tensor::new(&[0u32, 4, 2, 2], &Device::Cpu)?;
    let targets = candle_nn::ops::softmax(&normal(7, &[4, 5])?, 1)?;
    assert_gradients(&[("x", &x)], || {
        weighed(&softplus(&(x.as_tensor() * 20.)?)?)
    })?;
    assert_gradients(&[("x", &x)], || weighed(&unit_length(&x)?))?;
    assert_gradients(&[("x", &x)], || weighed(&cross_entropy(&x, &classes)?))?;
    assert_gradients(&[("x", &x)], || weighed(&soft_cross_entropy(&x, &targets)?))?;
    let other = var(8, &[4, 5])?;
    assert_gradients(&[("x", &x), ("other", &other)], || {
        weighed(&invariance(&x, &other)?)
    })
}
