//! dlib's face recognition network.

use candle_core::{DType, Device, Tensor};
use leaf_core::{Encoder, Mode, Parameters};
use leaf_vision::{FaceEncoderConfig, FaceFeatures, face_encoder};

use crate::case::{Case, Outcome};
use crate::vision::{fill, hashed, near};

/// Both kinds of features in f32 and f64, gradients in f64.
pub(crate) fn face_encoder_case(case: &Case) -> Outcome {
    let descriptor = FaceEncoderConfig::default();
    let pooled = descriptor.clone().with_features(FaceFeatures::Pooled);
    let fc = ";fc.weight";
    let names = case.text("names")?;
    let without = names.strip_suffix(fc).ok_or("the last name is not fc's")?;
    features(case, &pooled, without, DType::F32)?;
    features(case, &descriptor, names, DType::F32)?;

    let (parameters, features) = features(case, &descriptor, names, DType::F64)?;
    let cotangent = case.tensor("cotangent")?.to_dtype(DType::F64)?;
    let gradients = (features * cotangent)?.sum_all()?.backward()?;
    let vars = parameters.trainable();
    let compared = case.names().filter_map(|n| n.strip_prefix("grad_head."));
    for name in compared {
        let var = vars.get(name).ok_or_else(|| format!("no {name}"))?;
        let gradient = gradients.get(var);
        let gradient = gradient.ok_or_else(|| format!("{name} has no gradient"))?;
        let gradient = gradient.flatten_all()?;
        let (norm, head) = (format!("grad_norm.{name}"), format!("grad_head.{name}"));
        let count = case.tensor(&head)?.elem_count();
        near(case, &norm, &gradient.sqr()?.sum_all()?.sqrt()?, 2e-4)?;
        near(case, &head, &gradient.narrow(0, 0, count)?, 2e-4)?;
    }
    Ok(())
}

/// Compares the features; the network's parameters and the features to train.
fn features(
    case: &Case,
    config: &FaceEncoderConfig,
    names: &str,
    dtype: DType,
) -> Outcome<(Parameters, Tensor)> {
    let parameters = Parameters::new(0);
    let network = face_encoder(config, parameters.builder(dtype, &Device::Cpu))?;
    fill(&parameters, names, case.number("phase")?)?;
    let name = match config.features {
        FaceFeatures::Descriptor => "descriptor",
        FaceFeatures::Pooled => "pooled",
    };
    let features = network.encode(&images(case)?.to_dtype(dtype)?, Mode::Train)?;
    near(case, name, &features, 2e-5)?;
    Ok((parameters, features))
}

/// The images, which are a formula as the weights are.
fn images(case: &Case) -> Outcome<Tensor> {
    let sizes = case.text("shape")?.split(';').map(str::parse);
    let shape: Vec<usize> = sizes.collect::<Result<_, _>>()?;
    let count: usize = shape.iter().product();
    let key = case.number::<u64>("phase")? * 1000 + 999;
    let levels = (0..count as u64).map(|index| (0.5 * hashed(key, index)) as f32);
    let levels = Tensor::from_iter(levels, &Device::Cpu)?;
    Ok(levels.reshape(shape)?)
}
