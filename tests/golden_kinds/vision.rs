//! Layers of images and ResNet-18.

use candle_core::{DType, Device, Tensor};
use candle_nn::loss::cross_entropy;
use leaf_core::{Encoder, Mode, Parameters, linear};
use leaf_vision::{BatchNorm2d, BatchNormConfig, Conv2dConfig, ResNetConfig, convolve, resnet};

use crate::case::{Case, Outcome, within};

/// Output and both gradients of a convolution.
pub(crate) fn conv2d(case: &Case) -> Outcome {
    let config = Conv2dConfig {
        stride: case.number("stride")?,
        padding: case.number("padding")?,
        dilation: case.number("dilation")?,
        groups: case.number("groups")?,
        bias: false,
    };
    let (xs, weight) = (case.var("x")?, case.var("weight")?);
    let ys = convolve(&xs, &weight, &config)?;
    case.expect("y", &ys)?;
    let gradients = (ys * case.tensor("cotangent")?)?.sum_all()?.backward()?;
    for (name, var) in [("grad.x", &xs), ("grad.weight", &weight)] {
        let gradient = gradients.get(var).ok_or("no gradient")?;
        case.expect_gradient(name, gradient)?;
    }
    Ok(())
}

/// Output and gradient of a pooling.
pub(crate) fn max_pool2d(case: &Case) -> Outcome {
    let xs = case.var("x")?;
    let ys = leaf_vision::max_pool2d(
        &xs,
        case.number("kernel")?,
        case.number("stride")?,
        case.number("padding")?,
    )?;
    case.expect("y", &ys)?;
    let gradients = (ys * case.tensor("cotangent")?)?.sum_all()?.backward()?;
    case.expect_gradient("grad.x", gradients.get(&xs).ok_or("no gradient")?)
}

/// Output, gradients and running statistics. PyTorch's evaluation also has gradients, which is what
/// a frozen layer computes in training.
pub(crate) fn batch_norm(case: &Case) -> Outcome {
    let train = case.flag("train")?;
    let config = BatchNormConfig {
        eps: case.number("eps")?,
        momentum: case.number("momentum")?,
        frozen: !train,
    };
    let (xs, weight, bias) = (case.var("x")?, case.var("weight")?, case.var("bias")?);
    let mean = case.var("running_mean_before")?;
    let var = case.var("running_var_before")?;
    let layer = BatchNorm2d::new(
        weight.as_tensor().clone(),
        bias.as_tensor().clone(),
        mean.clone(),
        var.clone(),
        config,
    )?;
    let ys = layer.forward(&xs, Mode::Train)?;
    case.expect("y", &ys)?;
    case.expect("running_mean_after", &mean)?;
    case.expect("running_var_after", &var)?;
    if !train {
        case.expect("y", &layer.forward(&xs, Mode::Eval)?)?;
    }
    let gradients = (ys * case.tensor("cotangent")?)?.sum_all()?.backward()?;
    for (name, var) in [("x", &xs), ("weight", &weight), ("bias", &bias)] {
        let gradient = gradients.get(var).ok_or("no gradient")?;
        case.expect_gradient(&format!("grad.{name}"), gradient)?;
    }
    Ok(())
}

/// Logits in both modes, loss, running statistics and gradients of torchvision's ResNet-18.
///
/// The gradients are compared in f64, as the file was computed: in the given case one activation is
/// so close to 0 that noise of 1e-6 in the images, or the rounding of f32, decides whether its
/// gradient passes, which moves some gradients by 1e-3.
pub(crate) fn resnet18(case: &Case) -> Outcome {
    resnet18_values(case, DType::F32)?;
    let (parameters, loss) = resnet18_values(case, DType::F64)?;
    let gradients = loss.backward()?;
    let mut compared = 0;
    for (name, var) in parameters.trainable() {
        let gradient = gradients
            .get(&var)
            .ok_or_else(|| format!("{name} has no gradient"))?
            .flatten_all()?;
        let (norm, head) = (format!("grad_norm.{name}"), format!("grad_head.{name}"));
        if case.has(&norm) {
            let count = case.tensor(&head)?.elem_count();
            near(case, &norm, &gradient.sqr()?.sum_all()?.sqrt()?, 2e-4)?;
            near(case, &head, &gradient.narrow(0, 0, count)?, 2e-4)?;
            compared += 1;
        }
    }
    match compared {
        0 => Err("no gradient to compare with".into()),
        _ => Ok(()),
    }
}

/// Compares everything but the gradients; the network's parameters and the loss.
fn resnet18_values(case: &Case, dtype: DType) -> Outcome<(Parameters, Tensor)> {
    let parameters = Parameters::new(0);
    let vb = parameters.builder(dtype, &Device::Cpu);
    let encoder = resnet(&ResNetConfig::resnet18(), vb.clone())?;
    let num_classes = case.number("num_classes")?;
    let classifier = linear(encoder.feature_dim(), num_classes, vb.pp("fc"))?;
    fill(&parameters, case.text("names")?, case.number("phase")?)?;

    let xs = case.tensor("x")?.to_dtype(dtype)?;
    let logits =
        |mode| -> Outcome<Tensor> { Ok(classifier.forward(&encoder.encode(&xs, mode)?, mode)?) };
    near(case, "logits_eval", &logits(Mode::Eval)?, 2e-5)?;
    let trained = logits(Mode::Train)?;
    near(case, "logits_train", &trained, 2e-5)?;
    let running_mean = &parameters.buffers()["bn1.running_mean"];
    near(case, "running_mean_bn1_after", running_mean, 2e-5)?;
    let loss = cross_entropy(&trained, &case.tensor("labels")?)?;
    near(case, "loss", &loss, 2e-5)?;
    Ok((parameters, loss))
}

/// Compares within a share of the largest entry.
pub(crate) fn near(case: &Case, name: &str, found: &Tensor, share: f64) -> Outcome {
    within(name, found, &case.tensor(name)?, |largest| share * largest)
}

/// Gives every tensor the numbers that its place in `names` stands for, see `fill` in `generate.py`.
pub(crate) fn fill(parameters: &Parameters, names: &str, phase: u64) -> Outcome {
    let mut vars = parameters.all();
    for (place, name) in names.split(';').enumerate() {
        if name.ends_with("num_batches_tracked") {
            continue;
        }
        let var = vars.remove(name).ok_or_else(|| format!("no {name}"))?;
        let fan_in: usize = var.dims()[1..].iter().product();
        let value = |uniform: f64| match (name, var.rank()) {
            (name, _) if name.ends_with("running_var") => 1. + 0.2 * uniform,
            (name, _) if name.ends_with("running_mean") => 0.1 * uniform,
            (name, 1) if name.ends_with("weight") => 1. + 0.1 * uniform,
            (_, 1) => 0.05 * uniform,
            _ => uniform * (6. / fan_in as f64).sqrt(),
        };
        let key = phase * 1000 + place as u64;
        let values: Vec<f32> = (0..var.elem_count() as u64)
            .map(|index| value(hashed(key, index)) as f32)
            .collect();
        let values = Tensor::from_vec(values, var.shape(), var.device())?;
        var.set(&values.to_dtype(var.dtype())?)?;
    }
    match vars.keys().next() {
        Some(name) => Err(format!("{name} is not in the file").into()),
        None => Ok(()),
    }
}

/// A number in [-1, 1): the top 53 bits of SplitMix64.
fn hashed(key: u64, index: u64) -> f64 {
    let mut z = key
        .wrapping_mul(1 << 40)
        .wrapping_add(index)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 52) as f64 - 1.
}
