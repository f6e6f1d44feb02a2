//! `examples/convert_face_encoder`, on weights that a formula makes: the manifest in
//! `tests/face_encoder` has the published one's names and shapes, with other numbers.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};
use leaf_vision::{FaceEncoderConfig, face_encoder};
use serde_json::{Value, json};
use tempfile::TempDir;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Where in the manifest things are.
const FIRST: &str = "/0/weights/0";

/// A manifest and the bytes that it describes.
struct Published {
    manifest: Value,
    bytes: Vec<u8>,
}

impl Published {
    fn new() -> Outcome<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path.join("tests/face_encoder/weights_manifest.json"))?;
        let manifest: Value = serde_json::from_str(&text)?;
        let weights = manifest.pointer("/0/weights").and_then(Value::as_array);
        let count: usize = weights.ok_or("no weights")?.iter().map(elements).sum();
        let bytes = (0..count).map(byte).collect();
        Ok(Self { manifest, bytes })
    }

    fn set(&mut self, pointer: &str, value: Value) -> Outcome {
        *self.manifest.pointer_mut(pointer).ok_or("no such place")? = value;
        Ok(())
    }

    /// A folder with the manifest, and the bytes in files of these sizes, the last with the rest.
    fn write(&self, sizes: &[(&str, usize)]) -> Outcome<TempDir> {
        let folder = tempfile::tempdir()?;
        let text = serde_json::to_string(&self.manifest)?;
        fs::write(folder.path().join("weights_manifest.json"), text)?;
        let mut rest = self.bytes.as_slice();
        for (name, size) in sizes {
            let (own, behind) = rest.split_at(*size.min(&rest.len()));
            fs::write(folder.path().join(name), own)?;
            rest = behind;
        }
        Ok(folder)
    }
}

fn elements(entry: &Value) -> usize {
    let shape = entry["shape"].as_array().into_iter().flatten();
    shape.filter_map(Value::as_u64).product::<u64>() as usize
}

/// Not periodic in any size of a layer.
fn byte(place: usize) -> u8 {
    ((place * 7 + place / 251) % 251) as u8
}

fn convert(folder: &TempDir) -> Outcome<Output> {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--example", "convert_face_encoder", "--"])
        .arg(folder.path())
        .args(["--manifest", "weights_manifest.json", "--out"])
        .arg(folder.path().join("out.safetensors"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    Ok(output)
}

/// The conversion must end with the status 2 and all of `texts`, and write nothing.
fn refused(folder: &TempDir, texts: &[&str]) -> Outcome {
    let output = convert(folder)?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{texts:?}: {message}");
    for wanted in texts {
        assert!(message.contains(wanted), "{wanted}: {message}");
    }
    assert!(!folder.path().join("out.safetensors").exists());
    Ok(())
}

/// The tensor of the converted file.
fn flat(tensors: &HashMap<String, Tensor>, name: &str) -> Outcome<Vec<f32>> {
    let tensor = tensors.get(name).ok_or_else(|| format!("no {name}"))?;
    Ok(tensor.flatten_all()?.to_vec1()?)
}

#[test]
fn numbers_names_and_layout_are_the_encoders() -> Outcome {
    let mut published = Published::new()?;
    // The first bias is stored in full, and all numbers lie in two files.
    let filters = 7 * 7 * 3 * 32;
    let own_bias: Vec<f32> = (0..32).map(|channel| channel as f32 / 64.).collect();
    let in_full: Vec<u8> = own_bias.iter().flat_map(|x| x.to_le_bytes()).collect();
    published.bytes.splice(filters..filters + 32, in_full);
    let entry = json!({"name": "conv32_down/conv/bias", "shape": [32], "dtype": "float32"});
    published.set("/0/weights/1", entry)?;
    published.set("/0/paths", json!(["a.bin", "b.bin"]))?;
    let folder = published.write(&[("a.bin", 5000), ("b.bin", usize::MAX)])?;

    let output = convert(&folder)?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{message}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    for wanted in ["117 tensors read", "88 tensors with 5611040 numbers"] {
        assert!(said.contains(wanted), "{said}");
    }

    let path = folder.path().join("out.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu)?;
    // (h, w, in, out) has become (out, in, h, w): filter 5, channel 2, row 4, column 6.
    let place = ((4 * 7 + 6) * 3 + 2) * 32 + 5;
    let weight = flat(&tensors, "conv32_down.conv.weight")?[((5 * 3 + 2) * 7 + 4) * 7 + 6];
    assert_eq!(weight, (f64::from(byte(place)) * 0.000656 - 0.082) as f32);
    let scales = flat(&tensors, "conv32_down.scale.weight")?;
    let biases = flat(&tensors, "conv32_down.scale.bias")?;
    for channel in [0usize, 31] {
        // The fixture's bytes, which the longer bias has moved.
        let stored = |vector: usize| f64::from(byte(filters + vector * 32 + channel));
        let scale = (stored(1) * 0.002 + 0.5) as f32;
        let bias = (stored(2) * 0.0008 - 0.1) as f32;
        assert_eq!(scales[channel], scale);
        assert!((biases[channel] - (bias + scale * own_bias[channel])).abs() < 1e-6);
    }
    let fc = flat(&tensors, "fc.weight")?[3 * 256 + 200];
    let place = published.bytes.len() - 256 * 128 + 200 * 128 + 3;
    assert_eq!(
        fc,
        (f64::from(published.bytes[place]) * 0.0005 - 0.0625) as f32
    );

    let vb = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
    let encoder = face_encoder(&FaceEncoderConfig::default(), vb)?;
    let faces = Tensor::ones((1, 3, 150, 150), DType::F32, &Device::Cpu)?;
    let descriptor = encoder.encode(&faces, Mode::Eval)?.flatten_all()?;
    assert!(descriptor.to_vec1::<f32>()?.iter().all(|x| x.is_finite()));
    Ok(())
}

#[test]
fn files_that_are_not_there_or_have_another_size_are_refused() -> Outcome {
    let all = [("weights.bin", usize::MAX)];
    let published = Published::new()?;
    let folder = published.write(&all)?;
    fs::remove_file(folder.path().join("weights_manifest.json"))?;
    refused(&folder, &["weights_manifest.json: ", "os error 2"])?;
    refused(&published.write(&[])?, &["weights.bin: ", "os error 2"])?;
    let short = published.write(&[("weights.bin", 5_614_591)])?;
    refused(
        &short,
        &[
            "weights.bin",
            "5614591 bytes, expected 5614592 for its 117 tensors",
        ],
    )?;
    let folder = published.write(&all)?;
    fs::write(
        folder.path().join("weights_manifest.json"),
        "[{\"paths\": 3}]",
    )?;
    refused(&folder, &["weights_manifest.json: invalid type", "line 1"])
}

#[test]
fn tensors_that_do_not_fit_are_refused() -> Outcome {
    let change = |pointer: &str, value: Value, texts: &[&str]| -> Outcome {
        let mut published = Published::new()?;
        published.set(&format!("{FIRST}/{pointer}"), value)?;
        refused(&published.write(&[("weights.bin", usize::MAX)])?, texts)
    };
    let name = "\"conv32_down/conv/filters\"";
    change("name", json!("other"), &["tensor", name, "is missing"])?;
    change(
        "name",
        json!("fc"),
        &["tensor \"fc\" is there twice, expected once"],
    )?;
    change(
        "shape",
        json!([7, 7, 32, 3]),
        &[name, "has shape [7, 7, 32, 3], expected [7, 7, 3, 32]"],
    )?;
    change(
        "dtype",
        json!("int32"),
        &[name, "\"int32\", expected \"float32\""],
    )?;
    change(
        "quantization/dtype",
        json!("uint16"),
        &[name, "\"uint16\", expected \"uint8\""],
    )?;
    change(
        "quantization/min",
        json!(1e300),
        &[name, "inf, expected finite numbers"],
    )?;
    change(
        "shape",
        json!([1u64 << 40, 1u64 << 40]),
        &[name, "expected fewer numbers"],
    )?;

    let mut published = Published::new()?;
    let extra = json!({"name": "extra", "shape": [0], "dtype": "float32"});
    let weights = published.manifest.pointer_mut("/0/weights");
    let weights = weights.and_then(Value::as_array_mut).ok_or("no weights")?;
    weights.push(extra);
    let folder = published.write(&[("weights.bin", usize::MAX)])?;
    refused(
        &folder,
        &["tensor \"extra\" is not one of the face encoder's"],
    )
}
