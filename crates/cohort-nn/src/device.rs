//! Where tensors live: the one place in which a device's name becomes a device.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::NnError;

/// A compute device by name: `cpu` (default), `vulkan` or `cuda`.
///
/// `cpu` is Burn's pure Rust `flex` back end and always present. The others need the cargo
/// feature of the same name. Results on a GPU are not bit-identical to those on the CPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// Burn's `flex` back end on all threads of the Rayon pool.
    #[default]
    Cpu,
    /// Any GPU through Vulkan (feature `vulkan`).
    Vulkan,
    /// NVIDIA GPU 0 (feature `cuda`).
    Cuda,
}

impl DeviceChoice {
    /// Resolves the name to a Burn device without gradients.
    ///
    /// # Errors
    /// [`NnError::Device`] when this build lacks the feature.
    pub fn device(self) -> Result<Device, NnError> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Vulkan => vulkan(),
            Self::Cuda => cuda(),
        }
    }
}

#[cfg(feature = "vulkan")]
fn vulkan() -> Result<Device, NnError> {
    Ok(Device::vulkan(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan() -> Result<Device, NnError> {
    Err(missing("vulkan"))
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device, NnError> {
    Ok(Device::cuda(0usize))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device, NnError> {
    Err(missing("cuda"))
}

#[cfg(not(all(feature = "vulkan", feature = "cuda")))]
fn missing(name: &str) -> NnError {
    NnError::Device {
        name: name.to_owned(),
        reason: format!("this build has no {name} back end; build with `--features {name}`"),
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
        })
    }
}

impl FromStr for DeviceChoice {
    type Err = NnError;

    fn from_str(name: &str) -> Result<Self, NnError> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "vulkan" => Ok(Self::Vulkan),
            "cuda" => Ok(Self::Cuda),
            _ => Err(NnError::Device {
                name: name.to_owned(),
                reason: "expected cpu, vulkan or cuda".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_names_are_told() {
        for choice in [DeviceChoice::Cpu, DeviceChoice::Vulkan, DeviceChoice::Cuda] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        let error = "tpu".parse::<DeviceChoice>().unwrap_err().to_string();
        assert_eq!(error, "device \"tpu\": expected cpu, vulkan or cuda");
    }

    #[test]
    fn the_cpu_is_always_there() {
        assert!(DeviceChoice::Cpu.device().is_ok());
    }

    #[cfg(not(feature = "vulkan"))]
    #[test]
    fn a_missing_back_end_names_its_feature() {
        let error = DeviceChoice::Vulkan.device().unwrap_err().to_string();
        assert!(error.contains("--features vulkan"), "{error}");
    }
}
