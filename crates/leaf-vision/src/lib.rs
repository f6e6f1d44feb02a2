//! Layers and backbones for images that candle cannot train by itself.
//!
//! candle's max-pool gives too small a gradient and refuses overlapping windows, its convolution's
//! backward pass is very slow on the processor and fails on some sizes, and its batch norm keeps a
//! graph in evaluation. The layers here train, and agree with PyTorch and torchvision number for
//! number.
//!
//! # A network for faces
//!
//! [`resnet`] builds an encoder from images to features. [`ResNetConfig::narrow`] is for faces of 32
//! to 64 pixels and learns from scratch in minutes; [`ResNetConfig::resnet18`],
//! [`ResNetConfig::resnet34`] and [`ResNetConfig::resnet50`] have torchvision's names and shapes, so
//! that its weights fit. [`wide_resnet`] builds the networks of semi-supervised learning's benchmarks,
//! [`ir_se_net`] that of face recognition, and [`Stack`] one of your own. The classifier is yours, or
//! a [`leaf_core::LeafHead`].
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use leaf_core::{Encoder, Mode, Parameters, Random, linear};
//! use leaf_vision::{ResNetConfig, resnet};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let parameters = Parameters::new(0);
//! let vb = parameters.builder(DType::F32, &Device::Cpu);
//! let encoder = resnet(&ResNetConfig::narrow().with_in_channels(1), vb.clone())?;
//! let classifier = linear(encoder.feature_dim(), 7, vb.pp("fc"))?;
//!
//! let faces = Random::new(1).normal_tensor(0., 1., (14, 1, 32, 32), DType::F32, &Device::Cpu)?;
//! let labels = Tensor::from_iter((0..14u32).map(|face| face % 7), &Device::Cpu)?;
//! let loss = |mode| -> Result<Tensor, Box<dyn std::error::Error>> {
//!     let logits = classifier.forward(&encoder.encode(&faces, mode)?, mode)?;
//!     Ok(candle_nn::loss::cross_entropy(&logits, &labels)?)
//! };
//!
//! let before = loss(Mode::Train)?.to_scalar::<f32>()?;
//! for _ in 0..10 {
//!     let gradients = loss(Mode::Train)?.backward()?;
//!     for var in parameters.trainable().into_values() {
//!         let gradient = gradients.get(&var).expect("every parameter gets a gradient");
//!         var.set(&(var.as_tensor() - (gradient * 0.2)?)?)?;
//!     }
//! }
//! assert!(loss(Mode::Train)?.to_scalar::<f32>()? < 0.5 * before);
//!
//! // Evaluation records no operations, so nothing is kept for a backward pass.
//! assert!(!encoder.encode(&faces, Mode::Eval)?.track_op());
//! # Ok(())
//! # }
//! ```
//!
//! # Other backbones
//!
//! - [`vit`]: vision transformers; [`VitConfig::small16`] and [`VitConfig::base16`] have timm's names
//!   and shapes. They want pretrained weights or many images.
//! - [`face_encoder`]: dlib's face recognition network, which knows faces, not expressions, before the
//!   first step; the example `convert_face_encoder` makes a file of the public weights. [`face_encoder_top`] is its
//!   last blocks alone, to be fine-tuned on maps that are made once.
//!
//! # Modes and freezing
//!
//! Every layer's `forward` takes a [`leaf_core::Mode`]. Batch norm uses the batch's statistics in
//! `Train`, where it also updates the running ones, and in `Teacher`, where it does not; `Eval` uses
//! the running ones. `Teacher` and `Eval` keep no graph.
//!
//! - [`ResNetConfig::with_frozen_norm`]: the statistics stay, the weights learn. For fine-tuning a
//!   pretrained network with small batches.
//! - [`Frozen`]: nothing of the encoder learns, only the head behind it.
//!
//! # Layers
//!
//! [`conv2d`] and [`batch_norm2d`] build layers under PyTorch's parameter names; [`convolve`],
//! [`max_pool2d`] and [`global_average_pool`] are functions of tensors.
//!
//! # What runs where
//!
//! On the processor, f32 takes kernels written for it, spread over rayon's threads
//! (`RAYON_NUM_THREADS`); the results do not depend on how many there are. CUDA, Metal and other
//! number types take the same formulas made of candle's own operations. The tests compare the two, and
//! the formulas with numerical derivatives.
//!
//! A network, or a layer by itself, is a [`Pass`] over [`Map`]s, which are kept channels last, and one
//! operation of candle: its parameters' gradients are where candle's are. A pass runs backward once.
//! [`leaf_core::backward`] saves some passes over the weights.
//!
//! - `LEAF_SIMD` forces an instruction set ([`InstructionSet`]): `avx512`, `avx2`, `neon` or `portable`;
//!   otherwise the best is taken that the processor has.
//! - `LEAF_WINOGRAD=off` makes 3x3 convolutions the direct way, which rounds less and takes longer.

mod batch_norm;
mod conv2d;
mod error;
mod face_encoder;
#[cfg(test)]
mod finite_difference;
mod frozen;
mod global_average_pool;
mod ir_se;
mod kernels;
mod layers;
mod map_layer;
mod max_pool2d;
mod pass;
mod resnet;
mod stack;
mod tensor;
mod vit;
mod wide_resnet;

pub use batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
pub use conv2d::{Conv2d, Conv2dConfig, conv2d, convolve};
pub use error::{Error, Result};
pub use face_encoder::{
    FaceEncoder, FaceEncoderConfig, FaceEncoderTop, FaceFeatures, face_encoder, face_encoder_top,
};
pub use frozen::Frozen;
pub use global_average_pool::global_average_pool;
pub use ir_se::{IrSeConfig, IrSeNet, ir_se_net};
pub use kernels::plan::WINOGRAD_VARIABLE;
pub use kernels::simd::{InstructionSet, SIMD_VARIABLE};
pub use layers::{
    ConvNorm, MaxPool2d, PRelu, Residual, SqueezeExcite, conv_norm, prelu, squeeze_excite,
};
pub use map_layer::MapLayer;
pub use max_pool2d::max_pool2d;
pub use pass::{Activation, Map, Pass};
pub use resnet::{
    Block, BlockShape, ResNet, ResNetConfig, ResidualBlock, Stem, residual_block, resnet,
};
pub use stack::Stack;
pub use vit::{TokenPooling, Vit, VitConfig, resample_position_embedding, vit};
pub use wide_resnet::{WideResNet, WideResNetConfig, wide_resnet};
