//! What a file holds, whatever form it has.

use candle_core::{DType, Tensor};
use leaf_train::Weights;

use crate::{Outcome, file};

fn numbers(tensor: &Tensor) -> Outcome<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

#[test]
fn every_kind_of_tensor_is_read() -> Outcome {
    let count: Vec<f64> = (0..12).map(f64::from).collect();
    for name in ["kinds.pth", "kinds_stream.pth", "kinds_protocol4.pth"] {
        let weights = Weights::read(file(name))?;
        let all = weights.tensors();
        assert_eq!((all.len(), weights.nest()), (14, None), "{name}");
        for (tensor, dtype) in [
            ("float", DType::F32),
            ("double", DType::F64),
            ("half", DType::F16),
            ("bfloat16", DType::BF16),
        ] {
            assert_eq!(all[tensor].dtype(), dtype, "{name}: {tensor}");
            assert_eq!(numbers(&all[tensor])?, count, "{name}: {tensor}");
        }
        assert_eq!(all["float"].dims(), [3, 4]);
        assert_eq!(all["long"].to_vec1::<i64>()?, [-1, 1 << 40]);
        assert_eq!(all["int"].to_vec1::<i32>()?, [-1, 1 << 30]);
        assert_eq!(all["bool"].to_vec1::<u8>()?, [1, 0, 1]);
        assert_eq!(all["scalar"].to_scalar::<f32>()?, 2.5);
        assert_eq!(all["empty"].dims(), [0, 3]);
        let transposed = all["transposed"].to_vec2::<f32>()?;
        assert_eq!(
            transposed,
            [[0., 4., 8.], [1., 5., 9.], [2., 6., 10.], [3., 7., 11.]]
        );
        assert_eq!(all["channels_last"].dims(), [1, 2, 2, 4]);
        let sixteen: Vec<f64> = (0..16).map(f64::from).collect();
        assert_eq!(numbers(&all["channels_last"])?, sixteen);
        assert_eq!(all["part"].to_vec2::<f32>()?, [[5., 6.], [9., 10.]]);
        assert_eq!(all["alias"].to_vec1::<f32>()?, [2., 3., 4.]);
        assert_eq!(all["parameter"].to_vec1::<f32>()?, [1., -1.]);
    }
    Ok(())
}

#[test]
fn state_dicts_are_found_and_the_wrapper_s_prefix_goes() -> Outcome {
    for (name, nest, tensor) in [
        ("torchvision.pth", None, "layer4.0.downsample.1.running_var"),
        (
            "torchvision.safetensors",
            None,
            "layer4.0.downsample.1.running_var",
        ),
        ("faces.pth", Some("state_dict"), "fc.weight"),
        (
            "trainer.pth.tar",
            Some("ema_state_dict"),
            "semantic_moe.experts.7.fc.2.bias",
        ),
    ] {
        let weights = Weights::read(file(name))?;
        assert_eq!(weights.nest(), nest, "{name}");
        assert!(weights.tensors().contains_key(tensor), "{name}");
    }
    let average = Weights::read(file("trainer.pth.tar"))?;
    let trained = Weights::read_nested(file("trainer.pth.tar"), "state_dict")?;
    assert_eq!(average.tensors().len(), trained.tensors().len());
    let (a, b) = (
        &average.tensors()["classifier.bias"],
        &trained.tensors()["classifier.bias"],
    );
    assert_ne!(numbers(a)?, numbers(b)?);
    Ok(())
}

#[test]
fn what_is_no_state_dict_is_refused_with_what_it_is() -> Outcome {
    let module = Weights::read(file("module.pth")).unwrap_err().to_string();
    assert!(
        module.contains("module.pth") && module.contains("model.state_dict()"),
        "{module}"
    );
    let nested = Weights::read_nested(file("trainer.pth.tar"), "student")
        .unwrap_err()
        .to_string();
    assert!(
        nested.contains("\"best_acc\"") && nested.contains("tensors under \"student\""),
        "{nested}"
    );
    let text = Weights::read(file("make.py")).unwrap_err().to_string();
    assert!(
        text.contains("make.py") && text.contains(".safetensors, .pth"),
        "{text}"
    );
    let missing = Weights::read(file("none.pth")).unwrap_err().to_string();
    assert!(missing.contains("none.pth"), "{missing}");
    Ok(())
}
