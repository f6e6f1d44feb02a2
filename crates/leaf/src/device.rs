//! Which device a run uses.

use candle_core::Device;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which device a run uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA card; needs a build with the feature `cuda`.
    Cuda,
    /// The first Apple graphics processor; needs a build with the feature `metal`.
    Metal,
}

impl DeviceChoice {
    /// Opens the device; never another one in its place.
    ///
    /// # Errors
    /// [`Error::DeviceNotBuilt`] if this build cannot use it, [`Error::Device`] if there is none.
    pub fn open(self) -> Result<Device> {
        let opened = match self {
            Self::Cpu => return Ok(Device::Cpu),
            Self::Cuda if !cfg!(feature = "cuda") => {
                return Err(Error::DeviceNotBuilt { feature: "cuda" });
            }
            Self::Metal if !cfg!(feature = "metal") => {
                return Err(Error::DeviceNotBuilt { feature: "metal" });
            }
            Self::Cuda => Device::new_cuda(0),
            Self::Metal => Device::new_metal(0),
        };
        opened.map_err(|source| Error::Device {
            device: self,
            source,
        })
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        })
    }
}

impl std::str::FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            "metal" => Ok(Self::Metal),
            other => Err(Error::Choice {
                field: "device",
                value: other.to_owned(),
                expected: "cpu, cuda or metal",
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() -> Result<()> {
        for device in [DeviceChoice::Cpu, DeviceChoice::Cuda, DeviceChoice::Metal] {
            assert_eq!(device.to_string().parse::<DeviceChoice>()?, device);
        }
        let error = "gpu".parse::<DeviceChoice>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "device = \"gpu\", expected cpu, cuda or metal"
        );
        Ok(())
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_build_with_it() {
        let error = DeviceChoice::Cuda.open().unwrap_err().to_string();
        assert!(error.contains("--features cuda"), "{error}");
    }
}
