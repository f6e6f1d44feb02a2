//! The same weights, the same numbers.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use leaf::weights::{Layout, load_all, load_encoder};
use leaf_core::{Encoder, LeafConfig, LeafHead, Mode, NoiseSource, Parameters, Random, leaf_head};
use leaf_ssl::{Model, Network};
use leaf_train::Weights;
use leaf_vision::{ResNet, ResNetConfig, resnet};

use crate::{Outcome, file};

/// The network of `make.py`, with a head.
fn network(leaf: &LeafConfig, classes: usize) -> Outcome<(Model<ResNet, LeafHead>, Parameters)> {
    let config = ResNetConfig {
        widths: vec![4, 4, 6, 8],
        blocks: vec![1; 4],
        ..ResNetConfig::resnet18()
    };
    let parameters = Parameters::new(0);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let encoder = resnet(&config, vb.pp("encoder"))?;
    let noise = NoiseSource::new(Random::new(0));
    let head = leaf_head(leaf, encoder.feature_dim(), classes, vb.pp("head"), &noise)?;
    Ok((Model::new(encoder, head), parameters))
}

fn expected() -> Outcome<HashMap<String, Tensor>> {
    Ok(candle_core::safetensors::load(
        file("expected.safetensors"),
        &Device::Cpu,
    )?)
}

/// The largest difference.
fn difference(found: &Tensor, expected: &Tensor) -> Outcome<f32> {
    assert_eq!(found.dims(), expected.dims());
    Ok((found - expected)?.abs()?.max_all()?.to_scalar()?)
}

#[test]
fn torchvision_s_networks_give_pytorch_s_logits() -> Outcome {
    let expected = expected()?;
    for name in ["torchvision.pth", "torchvision.safetensors"] {
        let (network, parameters) = network(&LeafConfig::off(), 7)?;
        let taken = load_all(&Weights::read(file(name))?, &parameters)?;
        assert_eq!(
            (taken.layout, taken.count),
            (Layout::Torchvision, parameters.all().len())
        );
        let logits = network.forward(&expected["images"], Mode::Eval)?.logits;
        let difference = difference(&logits, &expected["torchvision"])?;
        assert!(difference < 1e-5, "{name}: {difference}");
    }
    Ok(())
}

#[test]
fn the_encoder_is_taken_whatever_head_it_had() -> Outcome {
    let expected = expected()?;
    let (network, parameters) = network(&LeafConfig::robust(), 7)?;
    let before = parameters.all()["head.classifier.weight"].to_vec2::<f32>()?;
    let taken = load_encoder(&Weights::read(file("faces.pth"))?, &parameters)?;
    assert_eq!(taken.left_out, ["fc.bias", "fc.weight"]);
    let text = taken.to_string();
    assert!(
        text.contains("from state_dict; left out: fc.bias, fc.weight"),
        "{text}"
    );
    let features = network.encode(&expected["images"], Mode::Eval)?;
    let difference = difference(&features, &expected["faces"])?;
    assert!(difference < 1e-5, "{difference}");
    assert_eq!(
        parameters.all()["head.classifier.weight"].to_vec2::<f32>()?,
        before
    );
    Ok(())
}

#[test]
fn the_authors_networks_give_pytorch_s_logits() -> Outcome {
    let expected = expected()?;
    let path = file("trainer.pth.tar");
    for (weights, name) in [
        (Weights::read(&path)?, "average"),
        (Weights::read_nested(&path, "state_dict")?, "trained"),
    ] {
        let (network, parameters) = network(&LeafConfig::released(), 7)?;
        let taken = load_all(&weights, &parameters)?;
        assert_eq!(
            (taken.layout, taken.count),
            (Layout::Released, parameters.all().len())
        );
        let logits = network.forward(&expected["images"], Mode::Eval)?.logits;
        let difference = difference(&logits, &expected[name])?;
        assert!(difference < 1e-5, "{name}: {difference}");
    }
    Ok(())
}

#[test]
fn everything_that_does_not_fit_is_in_one_error_and_nothing_changes() -> Outcome {
    // As for 9 classes and gray images, without a head that the file has, with one that it has not.
    let (_, parameters) = network(&LeafConfig::robust(), 9)?;
    let before = parameters.all()["encoder.conv1.weight"]
        .flatten_all()?
        .to_vec1::<f32>()?;
    let error = load_all(&Weights::read(file("trainer.pth.tar"))?, &parameters).unwrap_err();
    let text = error.to_string();
    for wanted in [
        "trainer.pth.tar",
        "head.classifier.weight has shape [7, 8], expected [9, 8]",
        "head.classifier.bias has shape [7], expected [9]",
        "head.semantic.gate.w_gate has shape [8, 8], expected [8, 4]",
        "missing head.instance.experts.1.fc1.bias, head.instance.experts.1.fc1.weight",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let (_, other) = network(&LeafConfig::off(), 7)?;
    let error = load_all(&Weights::read(file("trainer.pth.tar"))?, &other).unwrap_err();
    // What only the file has is called by the file's name.
    let text = error.to_string();
    assert!(
        text.contains("unexpected instance_moe.experts.0.fc.0.bias"),
        "{text}"
    );
    let after = parameters.all()["encoder.conv1.weight"]
        .flatten_all()?
        .to_vec1::<f32>()?;
    assert_eq!(before, after);
    Ok(())
}
