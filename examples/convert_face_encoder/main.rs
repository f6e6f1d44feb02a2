//! Trained weights of a face encoder, from the files of face-api.js to one that `leaf-vision` reads.
//!
//! ```text
//! npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
//! cargo run --release --example convert_face_encoder -- package/model
//! ```

mod manifest;
#[path = "../common/say.rs"]
mod say;
mod shards;
mod spelling;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use candle_core::{DType, Device, Tensor};
use clap::Parser;
use leaf::core::Parameters;
use leaf::vision::{FaceEncoderConfig, face_encoder};

/// What can fail here; every message names the file or the tensor.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Converts the weights of dlib's face recognition network, as face-api.js publishes them, into a file
/// for `leaf_vision::face_encoder`.
#[derive(Debug, Parser)]
#[command(name = "convert_face_encoder", after_long_help = ABOUT)]
struct Arguments {
    /// The folder with the manifest and the shards that it names.
    folder: PathBuf,
    /// The manifest's name in that folder.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "face_recognition_model-weights_manifest.json"
    )]
    manifest: String,
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "face_encoder.safetensors")]
    out: PathBuf,
}

const ABOUT: &str = "\
The weights are in the folder model/ of the npm package @vladmandic/face-api (checked with version 1.7.15):

  npm pack @vladmandic/face-api@1.7.15 && tar xzf vladmandic-face-api-1.7.15.tgz
  convert_face_encoder package/model

The package is under the MIT license; the weights are dlib's dlib_face_recognition_resnet_model_v1, which its author
released into the public domain.

What is converted: A/conv/filters (h, w, in, out) becomes A.conv.weight (out, in, h, w), with dots for the other
slashes too; A/scale/weights becomes A.scale.weight; A/scale/biases + A/scale/weights * A/conv/bias becomes
A.scale.bias; fc (256, 128) becomes fc.weight (128, 256). 8-bit numbers q become q * scale + min in f32.

Anything wrong ends it with an error and the status 2, and nothing is written.";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let path = arguments.folder.join(&arguments.manifest);
    let groups = manifest::read(&path)?;
    let published = shards::tensors(&arguments.folder, &groups)?;
    let count = published.len();
    let tensors = spelling::to_encoder(published, &shapes()?)?;
    let numbers: usize = tensors.values().map(Tensor::elem_count).sum();

    let bytes = safetensors::serialize(&tensors, None)?;
    leaf::train::write_atomically(&arguments.out, &bytes)?;
    Ok(say::say(format!(
        "{}: {count} tensors read, {} tensors with {numbers} numbers written to {}",
        path.display(),
        tensors.len(),
        arguments.out.display()
    ))?)
}

/// Names and shapes of the encoder's tensors.
fn shapes() -> Outcome<BTreeMap<String, Vec<usize>>> {
    let parameters = Parameters::new(0);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    face_encoder(&FaceEncoderConfig::default(), vb)?;
    let all = parameters.all().into_iter();
    Ok(all.map(|(name, var)| (name, var.dims().to_vec())).collect())
}
