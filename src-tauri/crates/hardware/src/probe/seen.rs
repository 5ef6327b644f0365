//! What Ollama itself found, which counts more than what we find: it decides where models run.

use serde::{Deserialize, Serialize};

use super::join::{is_unified, pci_address};
use super::{Computer, Gpu, GpuKind, Vendor};

/// A device as Ollama tells of it in its log. All sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComputeDevice {
    /// Its id; for NVIDIA the card's own.
    pub id: String,
    /// The library that drives it: `CUDA`, `ROCm`, `Vulkan`, `Metal`, `cpu`.
    pub library: String,
    /// Its short name: `CUDA0`.
    pub name: String,
    /// Its name for people.
    pub description: String,
    /// Its place on the PCI bus; empty where Ollama does not say.
    pub pci: String,
    /// All of its memory.
    pub total: u64,
    /// What was free of it when Ollama started.
    pub available: u64,
    /// Whether it has memory of its own, where Ollama says so.
    pub kind: Option<GpuKind>,
}

impl ComputeDevice {
    /// Whether it is the processor: Ollama found no card it can use.
    #[must_use]
    pub fn is_cpu(&self) -> bool {
        self.library.eq_ignore_ascii_case("cpu")
    }

    fn vendor(&self) -> Vendor {
        let (library, text) =
            (self.library.to_ascii_lowercase(), self.description.to_ascii_lowercase());
        match library.as_str() {
            "cuda" => Vendor::Nvidia,
            "rocm" => Vendor::Amd,
            "metal" => Vendor::Apple,
            _ if text.contains("nvidia") => Vendor::Nvidia,
            _ if text.contains("amd") || text.contains("radeon") => Vendor::Amd,
            _ if text.contains("intel") => Vendor::Intel,
            _ => Vendor::Other,
        }
    }

    fn is(&self, gpu: &Gpu) -> bool {
        let same_id = !self.id.is_empty() && self.id.eq_ignore_ascii_case(&gpu.id);
        same_id || (!self.pci.is_empty() && pci_address(&self.pci) == gpu.pci)
    }

    fn gpu(&self) -> Gpu {
        let vendor = self.vendor();
        let kind = self.kind.unwrap_or(match vendor {
            Vendor::Apple => GpuKind::Integrated,
            _ => GpuKind::Discrete,
        });
        let mut names = [&self.description, &self.name].into_iter();
        Gpu {
            id: self.id.clone(),
            pci: pci_address(&self.pci),
            name: names
                .find(|name| !name.is_empty())
                .map_or_else(|| Computer::plain_name(vendor, kind), Clone::clone),
            vendor,
            kind,
            total: Some(self.total).filter(|total| *total > 0),
            free: Some(self.available).filter(|_| self.total > 0),
            users: Vec::new(),
            ollama: Some(true),
            source: "ollama".to_owned(),
        }
    }
}

/// A computer as Ollama sees it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The computer, with Ollama's word on each card.
    pub computer: Computer,
    /// The cards Ollama does not use.
    pub dropped: Vec<Gpu>,
}

impl Computer {
    /// The computer as Ollama sees it, by the devices it told of when it started. Ollama's total
    /// stands in place of ours. What is free now stays ours where we know it: Ollama's figure is
    /// from its start.
    #[must_use]
    pub fn seen_by_ollama(&self, devices: &[ComputeDevice]) -> Seen {
        let mut computer = self.clone();
        let told: Vec<_> = devices.iter().filter(|device| !device.is_cpu()).collect();
        let mut unmatched = told.clone();
        for gpu in &mut computer.gpus {
            let at = unmatched.iter().position(|device| device.is(gpu)).or_else(|| {
                // Devices without an address, as on a Mac: one of a kind is that one.
                let alike = |device: &&ComputeDevice| {
                    device.pci.is_empty() && device.vendor() == gpu.vendor
                };
                unmatched.iter().position(alike)
            });
            gpu.ollama = Some(at.is_some());
            let Some(device) = at.map(|at| unmatched.remove(at)) else { continue };
            if device.total > 0 {
                gpu.total = Some(device.total);
                gpu.free = gpu.free.or(Some(device.available)).map(|free| free.min(device.total));
            }
            gpu.kind = device.kind.unwrap_or(gpu.kind);
        }
        computer.gpus.extend(unmatched.into_iter().map(ComputeDevice::gpu));
        computer.unified = is_unified(&computer.gpus);
        let dropped = computer.gpus.iter().filter(|gpu| gpu.ollama == Some(false)).cloned();
        Seen { dropped: dropped.collect(), computer }
    }
}
