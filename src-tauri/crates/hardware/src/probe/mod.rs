//! What is in this computer: processor, main memory, graphics cards, disks.
//!
//! Asking costs a few files read, or a few calls of the driver. Nothing is kept between two
//! questions but the driver's library: memory that is free now is gone a moment later.

mod join;
#[cfg(any(target_os = "linux", windows))]
mod nvml;
mod os;
mod seen;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use seen::{ComputeDevice, Seen};

/// What is in this computer. All sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Computer {
    /// The processor.
    pub cpu: Cpu,
    /// Main memory.
    pub memory: Memory,
    /// The graphics cards, also those that are part of the processor.
    pub gpus: Vec<Gpu>,
    /// Whether a graphics card that can run models shares the main memory.
    pub unified: bool,
}

/// The processor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cpu {
    /// Its name, as it tells it; empty where it does not.
    pub name: String,
    /// Cores.
    pub cores: u32,
    /// What the cores run at once.
    pub threads: u32,
    /// How busy it was since the last question, from 0 to 100 percent; `None` the first time.
    pub usage: Option<f32>,
}

/// Main memory, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// All that programs here may use.
    pub total: u64,
    /// What they may use now without pushing others out.
    pub available: u64,
    /// The control group that allows less than the computer has, as in a container.
    pub limited_by: Option<String>,
}

/// A graphics card, in bytes where it says memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gpu {
    /// Names it: the maker's own id, or its place on the PCI bus.
    pub id: String,
    /// Its place on the PCI bus, in small letters (`0000:01:00.0`); empty where it has none.
    pub pci: String,
    /// Its name for people.
    pub name: String,
    /// Who made it.
    pub vendor: Vendor,
    /// Whether it has memory of its own.
    pub kind: GpuKind,
    /// Its memory; `None` where that cannot be told.
    pub total: Option<u64>,
    /// What is free of it now; `None` where that cannot be told.
    pub free: Option<u64>,
    /// The programs that compute on it, as far as the driver tells.
    pub users: Vec<GpuUser>,
    /// Whether Ollama uses it, where Ollama said so.
    pub ollama: Option<bool>,
    /// Where these numbers come from: `nvml`, `sysfs`, `metal`, `dxgi`, `ollama`.
    pub source: String,
}

/// Who made a graphics card.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Vendor {
    /// NVIDIA.
    Nvidia,
    /// AMD.
    Amd,
    /// Intel.
    Intel,
    /// Apple.
    Apple,
    /// Anyone else, and cards of virtual machines.
    #[default]
    Other,
}

impl Vendor {
    /// The vendor of a PCI id.
    #[must_use]
    pub const fn of_pci(id: u32) -> Self {
        match id {
            0x10de => Self::Nvidia,
            0x1002 | 0x1022 => Self::Amd,
            0x8086 => Self::Intel,
            0x106b => Self::Apple,
            _ => Self::Other,
        }
    }
}

/// Whether a graphics card has memory of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GpuKind {
    /// It has.
    Discrete,
    /// It is part of the processor and shares the main memory.
    Integrated,
}

/// A program that computes on a graphics card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GpuUser {
    /// Its process id.
    pub pid: u32,
    /// Its name.
    pub name: Option<String>,
    /// What it takes of the card's memory, in bytes. Windows does not tell.
    pub bytes: Option<u64>,
}

impl Gpu {
    /// Whether Ollama runs models on it: as it said itself, else by its own rule, which leaves
    /// out cards that are part of the processor but for those of Apple and NVIDIA (Ollama,
    /// discover/runner.go). It admits one chip of AMD too, which only Ollama can tell.
    #[must_use]
    pub fn is_used_by_ollama(&self) -> bool {
        self.ollama.unwrap_or(match self.kind {
            GpuKind::Discrete => self.vendor != Vendor::Other,
            GpuKind::Integrated => matches!(self.vendor, Vendor::Apple | Vendor::Nvidia),
        })
    }
}

/// A disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// The folder that was asked about.
    pub path: PathBuf,
    /// All of the disk it lies on.
    pub total: u64,
    /// What this user may still write there.
    pub free: u64,
}

/// Why a disk cannot be told.
#[derive(Debug, Error)]
pub enum DiskError {
    /// No folder above the path exists, or none of them can be asked.
    #[error("the disk of {} cannot be asked: {source}", path.display())]
    Unreadable {
        /// The folder that was asked about.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Looks at this computer.
#[derive(Debug)]
pub struct Probe {
    sources: os::Sources,
}

impl Default for Probe {
    fn default() -> Self {
        Self::new()
    }
}

impl Probe {
    /// Looks at the computer it runs on.
    #[must_use]
    pub fn new() -> Self {
        Self { sources: os::Sources::new() }
    }

    /// Looks at the files under a folder in place of `/proc` and `/sys`, and at no driver. Where
    /// the system keeps no such files, it looks at the computer it runs on.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { sources: os::Sources::at(root) }
    }

    /// What is in the computer now.
    #[must_use]
    pub fn computer(&self) -> Computer {
        self.sources.computer()
    }

    /// The disk a folder lies on, or would lie on once it is made.
    ///
    /// # Errors
    /// Where no folder above it can be asked.
    pub fn disk(&self, path: &Path) -> Result<Disk, DiskError> {
        let error = |source| DiskError::Unreadable { path: path.to_path_buf(), source };
        let there = path.ancestors().find(|folder| folder.exists());
        let there = there.ok_or_else(|| error(io::ErrorKind::NotFound.into()))?;
        let (total, free) = os::space(there).map_err(error)?;
        Ok(Disk { path: path.to_path_buf(), total, free })
    }
}
