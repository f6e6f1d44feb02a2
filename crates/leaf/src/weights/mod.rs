//! Weights from and for PyTorch: torchvision's ResNets, networks that were trained on faces, and the network
//! of the LEAF authors' trainer.
//!
//! [`leaf_train::Weights`] reads the files; here their names become those of a network that recipes train
//! ([`ClassifierSpec`](crate::recipe::ClassifierSpec)), and back.
//!
//! ```no_run
//! use candle_core::Device;
//! use leaf::recipe::{Backbone, ClassifierSpec};
//! use leaf::weights::load_encoder;
//! # use leaf::core::{LeafConfig, NoiseSource, Random};
//!
//! # fn main() -> leaf::Result<()> {
//! # let noise = NoiseSource::new(Random::new(0));
//! let spec = ClassifierSpec {
//!     backbone: Backbone::Resnet18,
//!     channels: 3,
//!     num_classes: 7,
//!     leaf: LeafConfig::robust(),
//!     heads: Default::default(),
//! };
//! let network = spec.build(0, &noise, &Device::Cpu)?;
//! let weights = leaf::train::Weights::read("resnet18_msceleb.pth")?;
//! println!("{}", load_encoder(&weights, &network.parameters)?);
//! # Ok(())
//! # }
//! ```

mod export;
mod layout;
mod load;
mod shared;

pub use export::export;
pub use layout::Layout;
pub use load::{Taken, load_all, load_encoder};
