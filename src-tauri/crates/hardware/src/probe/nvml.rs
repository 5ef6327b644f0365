//! NVIDIA's cards, told by its management library. The library is loaded at run time, and is
//! absent on most computers.

use std::ffi::OsStr;

use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::{Device, Nvml};

use super::join::pci_address;
use super::{Gpu, GpuKind, GpuUser, Vendor};

/// The library, loaded once: loading it anew for each question takes tens of milliseconds.
#[derive(Debug)]
pub(crate) struct Driver {
    nvml: Option<Nvml>,
}

impl Driver {
    /// Loads the library where it is installed.
    pub(crate) fn load() -> Self {
        // Without the developers' package, only the name with the version is there.
        let versioned = || Nvml::builder().lib_path(OsStr::new("libnvidia-ml.so.1")).init();
        let nvml = Nvml::init();
        let nvml = if cfg!(target_os = "linux") { nvml.or_else(|_| versioned()) } else { nvml };
        Self { nvml: nvml.ok() }
    }

    /// Not there.
    pub(crate) const fn absent() -> Self {
        Self { nvml: None }
    }

    /// Its cards. One that does not answer is left out: after sleep the driver may be lost.
    pub(crate) fn gpus(&self, name_of: impl Fn(u32) -> Option<String>) -> Vec<Gpu> {
        let Some(nvml) = &self.nvml else { return Vec::new() };
        let count = nvml.device_count().unwrap_or_default();
        let devices = (0..count).filter_map(|index| nvml.device_by_index(index).ok());
        devices.filter_map(|device| gpu(&device, &name_of)).collect()
    }
}

fn gpu(device: &Device<'_>, name_of: &impl Fn(u32) -> Option<String>) -> Option<Gpu> {
    let pci = device.pci_info().map(|pci| pci_address(&pci.bus_id)).unwrap_or_default();
    let id = device.uuid().unwrap_or_else(|_| pci.clone());
    if id.is_empty() {
        return None;
    }
    // Chips that share the main memory report none of their own, or an error.
    let memory = device.memory_info().ok().filter(|memory| memory.total > 0);
    let users = device.running_compute_processes().unwrap_or_default();
    Some(Gpu {
        id,
        pci,
        name: device.name().unwrap_or_else(|_| "NVIDIA graphics card".to_owned()),
        vendor: Vendor::Nvidia,
        kind: if memory.is_some() { GpuKind::Discrete } else { GpuKind::Integrated },
        total: memory.as_ref().map(|memory| memory.total),
        free: memory.as_ref().map(|memory| memory.free),
        users: users
            .into_iter()
            .map(|user| GpuUser {
                pid: user.pid,
                name: name_of(user.pid),
                bytes: match user.used_gpu_memory {
                    UsedGpuMemory::Used(bytes) => Some(bytes),
                    UsedGpuMemory::Unavailable => None,
                },
            })
            .collect(),
        ollama: None,
        source: "nvml".to_owned(),
    })
}
