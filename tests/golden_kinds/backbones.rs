//! Networks of bottlenecks, and wide ResNets.

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use candle_nn::loss::cross_entropy;
use leaf_core::{Encoder, Mode, Parameters, linear};
use leaf_vision::{Block, ResNetConfig, WideResNetConfig, resnet};

use crate::case::{Case, Outcome};
use crate::vision::{fill, near};

/// Builds a network's encoder.
type Build<'a> = dyn Fn(VarBuilder) -> Outcome<Box<dyn Encoder>> + 'a;

/// torchvision's bottlenecks behind a 3x3 stem.
pub(crate) fn bottleneck(case: &Case) -> Outcome {
    let numbers = |name| -> Outcome<Vec<usize>> {
        let numbers = case.text(name)?.split(',').map(str::parse);
        Ok(numbers.collect::<Result<_, _>>()?)
    };
    let config = ResNetConfig {
        block: Block::Bottleneck,
        widths: numbers("widths")?,
        blocks: numbers("blocks")?,
        ..Default::default()
    };
    model(case, &|vb| Ok(Box::new(resnet(&config, vb)?)))
}

/// The wide ResNet of TorchSSL and USB.
pub(crate) fn wide_resnet(case: &Case) -> Outcome {
    let config = WideResNetConfig {
        depth: case.number("depth")?,
        widen: case.number("widen")?,
        bias: case.flag("bias")?,
        ..Default::default()
    };
    model(case, &|vb| {
        Ok(Box::new(leaf_vision::wide_resnet(&config, vb)?))
    })
}

/// Logits in both modes, loss and running statistics in f32, by the kernels, and in f64, by candle's
/// operations; gradients in f64, as the file was computed.
fn model(case: &Case, build: &Build<'_>) -> Outcome {
    values(case, DType::F32, build)?;
    values(case, DType::F64, build)
}

fn values(case: &Case, dtype: DType, build: &Build<'_>) -> Outcome {
    let parameters = Parameters::new(0);
    let vb = parameters.builder(dtype, &Device::Cpu);
    let encoder = build(vb.clone())?;
    let num_classes = case.number("num_classes")?;
    let classifier = linear(encoder.feature_dim(), num_classes, vb.pp("fc"))?;
    fill(&parameters, case.text("names")?, case.number("phase")?)?;

    let xs = case.tensor("x")?.to_dtype(dtype)?;
    let logits =
        |mode| -> Outcome<_> { Ok(classifier.forward(&encoder.encode(&xs, mode)?, mode)?) };
    near(case, "logits_eval", &logits(Mode::Eval)?, 2e-5)?;
    let trained = logits(Mode::Train)?;
    near(case, "logits_train", &trained, 2e-5)?;
    near(
        case,
        "mean_after",
        &parameters.buffers()[case.text("mean")?],
        2e-5,
    )?;
    let loss = cross_entropy(&trained, &case.tensor("labels")?)?;
    near(case, "loss", &loss, 2e-5)?;
    match dtype {
        DType::F64 => gradients(case, &parameters, &loss),
        _ => Ok(()),
    }
}

/// Compares those gradients that are in the file.
fn gradients(case: &Case, parameters: &Parameters, loss: &candle_core::Tensor) -> Outcome {
    let gradients = loss.backward()?;
    let mut compared = 0;
    for (name, var) in parameters.trainable() {
        let gradient = gradients.get(&var);
        let gradient = gradient
            .ok_or_else(|| format!("{name} has no gradient"))?
            .flatten_all()?;
        let (norm, head) = (format!("grad_norm.{name}"), format!("grad_head.{name}"));
        if case.has(&norm) {
            let count = case.tensor(&head)?.elem_count();
            near(case, &norm, &gradient.sqr()?.sum_all()?.sqrt()?, 2e-5)?;
            near(case, &head, &gradient.narrow(0, 0, count)?, 2e-5)?;
            compared += 1;
        }
    }
    match compared {
        0 => Err("no gradient to compare with".into()),
        _ => Ok(()),
    }
}
