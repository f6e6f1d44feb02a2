//! What every vision transformer must do.

use std::collections::HashMap;

use candle_core::{DType, Device, Var};
use leaf_core::{Parameters, Random};

use super::*;

/// Two patches a side, two blocks of two heads.
fn tiny() -> VitConfig {
    VitConfig {
        in_channels: 1,
        image_size: 6,
        patch_size: 3,
        width: 4,
        depth: 2,
        heads: 2,
        mlp_width: 5,
        ..Default::default()
    }
}

fn network(config: &VitConfig) -> Result<(Parameters, Vit)> {
    let parameters = Parameters::new(0);
    let network = vit(config, parameters.builder(DType::F32, &Device::Cpu))?;
    Ok((parameters, network))
}

fn images(shape: &[usize]) -> Tensor {
    let images = Random::new(1).normal_tensor(0., 1., shape, DType::F32, &Device::Cpu);
    images.expect("random numbers")
}

#[test]
fn every_parameter_gets_a_gradient() -> Result<()> {
    let small = VitConfig {
        depth: 2,
        ..VitConfig::small16()
    };
    for config in [
        tiny(),
        tiny().with_pooling(TokenPooling::MeanOfPatches),
        small.with_image_size(48),
    ] {
        let (parameters, network) = network(&config)?;
        let (channels, size) = (config.in_channels, config.image_size);
        let features = network.encode(&images(&[3, channels, size, size]), Mode::Train);
        let features = features.expect("features");
        assert_eq!(features.dims(), [3, config.feature_dim()]);
        assert_eq!(network.feature_dim(), config.feature_dim());
        // Not a plain sum, which the last norm makes constant.
        let weights = images(features.dims());
        let gradients = (features * weights)?.sum_all()?.backward()?;
        for (name, var) in parameters.trainable() {
            let gradient = gradients.get(&var);
            let gradient = gradient.unwrap_or_else(|| panic!("{config:?}: {name} has no gradient"));
            let largest = gradient.abs()?.max_all()?.to_scalar::<f32>()?;
            assert!(
                largest.is_finite() && largest > 0.,
                "{config:?}: {name}: {largest}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_whole_network_is_differentiable() -> Result<()> {
    for pooling in [TokenPooling::ClassToken, TokenPooling::MeanOfPatches] {
        let parameters = Parameters::new(5);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let network = vit(&tiny().with_pooling(pooling), vb)?;
        let vars = parameters.trainable();
        // Initial weights are so small that the attention would hardly matter.
        for (seed, var) in vars.values().enumerate() {
            let values = crate::finite_difference::normal(seed as u64, var.dims())?;
            var.set(&(values.as_tensor() * 0.7)?)?;
        }
        let xs = crate::finite_difference::normal(77, &[2, 1, 6, 6])?;
        let mut vars: Vec<&Var> = vars.values().collect();
        vars.push(&xs);
        crate::finite_difference::check(&vars, || {
            Ok(network
                .encode(&xs, Mode::Train)
                .map_err(candle_core::Error::wrap)?)
        })?;
    }
    Ok(())
}

#[test]
fn names_shapes_and_sizes_are_timms() -> Result<()> {
    for (config, count) in [
        (VitConfig::small16(), 21_665_664),
        (VitConfig::base16(), 85_798_656),
    ] {
        let shapes = Shapes::default();
        let vb = VarBuilder::from_backend(Box::new(shapes.clone()), DType::F32, Device::Cpu);
        vit(&config, vb)?;
        let shapes = shapes.0.lock().expect("one thread").clone();
        let width = config.width;
        for (name, shape) in [
            ("patch_embed.proj.weight", vec![width, 3, 16, 16]),
            ("cls_token", vec![1, 1, width]),
            ("pos_embed", vec![1, 197, width]),
            ("blocks.0.norm1.weight", vec![width]),
            ("blocks.3.attn.qkv.weight", vec![3 * width, width]),
            ("blocks.3.attn.qkv.bias", vec![3 * width]),
            ("blocks.11.attn.proj.weight", vec![width, width]),
            ("blocks.11.mlp.fc1.weight", vec![4 * width, width]),
            ("blocks.11.mlp.fc2.bias", vec![width]),
            ("norm.bias", vec![width]),
        ] {
            assert_eq!(shapes[name], shape, "{name}");
        }
        assert_eq!(shapes.len(), 4 + 12 * 12 + 2);
        let sizes = shapes.values().map(|shape| shape.iter().product::<usize>());
        assert_eq!(sizes.sum::<usize>(), count);
    }
    Ok(())
}

/// Notes the shapes and gives tensors that take no memory.
#[derive(Clone, Default)]
struct Shapes(std::sync::Arc<std::sync::Mutex<HashMap<String, Vec<usize>>>>);

impl candle_nn::var_builder::SimpleBackend for Shapes {
    fn get(
        &self,
        shape: candle_core::Shape,
        name: &str,
        _init: Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let dims = shape.dims().to_vec();
        self.0.lock().expect("one thread").insert(name.into(), dims);
        Tensor::zeros(1, dtype, device)?.expand(shape)
    }

    fn get_unchecked(
        &self,
        name: &str,
        _dtype: DType,
        _device: &Device,
    ) -> candle_core::Result<Tensor> {
        candle_core::bail!("no shape for {name}")
    }

    fn contains_tensor(&self, _name: &str) -> bool {
        true
    }
}

#[test]
fn only_training_keeps_a_graph() -> Result<()> {
    let (_, network) = network(&tiny())?;
    // Even inputs that are variables leave no graph outside training.
    let xs = Var::from_tensor(&images(&[3, 1, 6, 6]))?;
    let features = |mode| network.encode(&xs, mode).expect("features");
    for mode in [Mode::Teacher, Mode::Eval] {
        assert!(!features(mode).track_op());
    }
    assert!(features(Mode::Train).track_op());
    let values = |mode| features(mode).to_vec2::<f32>();
    assert_eq!(values(Mode::Train)?, values(Mode::Eval)?);
    Ok(())
}

#[test]
fn initial_values_depend_on_the_seed_alone() -> Result<()> {
    let draw = || -> Result<Vec<f32>> {
        let (parameters, _) = network(&VitConfig::small16().with_image_size(32))?;
        let weight = &parameters.all()["blocks.7.attn.qkv.weight"];
        Ok(weight.flatten_all()?.to_vec1()?)
    };
    let weight = draw()?;
    assert_eq!(weight, draw()?);
    let variance = weight.iter().map(|w| w * w).sum::<f32>() / weight.len() as f32;
    assert!((variance.sqrt() - 0.02).abs() < 2e-4, "{variance}");
    Ok(())
}

#[test]
fn images_that_do_not_fit_are_refused() -> Result<()> {
    let (_, network) = network(&tiny())?;
    for shape in [&[2, 1, 6, 9][..], &[2, 3, 6, 6], &[2, 6, 6]] {
        let error = network.encode(&images(shape), Mode::Eval).unwrap_err();
        let wanted = format!("images has shape {shape:?}, expected (N, 1, 6, 6)");
        assert_eq!(error.to_string(), wanted);
    }
    Ok(())
}

/// All tensors of a network, without their variables.
fn weights(parameters: &Parameters) -> HashMap<String, Tensor> {
    let vars = parameters.all().into_iter();
    vars.map(|(name, var)| (name, var.as_detached_tensor()))
        .collect()
}

#[test]
fn weights_of_another_image_size_are_resized_when_they_are_loaded() -> Result<()> {
    let (parameters, _) = network(&tiny())?;
    let build = |weights| {
        let vb = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
        vit(&tiny().with_image_size(12), vb)
    };
    let stored = weights(&parameters);
    let wanted = resample_position_embedding(&stored["pos_embed"], 4)?;
    let network = build(stored)?;
    assert_eq!(
        network.positions.to_vec3::<f32>()?,
        wanted.to_vec3::<f32>()?
    );
    let features = network.encode(&images(&[2, 1, 12, 12]), Mode::Eval);
    assert_eq!(features.expect("features").dims(), [2, 4]);

    // A variable is another matter: its optimizer would train what nobody uses.
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let error = vit(&tiny().with_image_size(12), vb).unwrap_err();
    assert!(error.to_string().contains("pos_embed"), "{error}");
    // Neither can another width be resized.
    let mut stored = weights(&parameters);
    stored.insert("pos_embed".into(), images(&[1, 5, 3]));
    let error = build(stored).unwrap_err();
    assert!(error.to_string().contains("pos_embed"), "{error}");
    Ok(())
}
