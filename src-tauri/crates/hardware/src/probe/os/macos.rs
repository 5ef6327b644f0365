//! macOS: Metal for the memory models may use, and the system's memory.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use objc2_metal::{MTLCreateSystemDefaultDevice, MTLDevice as _};
use sysinfo::System;

use super::super::{Computer, Cpu, Gpu, GpuKind, Memory, Vendor};

#[derive(Debug)]
pub(crate) struct Sources {
    system: Mutex<Option<(System, bool)>>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self { system: Mutex::new(System::new().ok().map(|system| (system, false))) }
    }

    pub(crate) fn at(_root: &Path) -> Self {
        Self::new()
    }

    pub(crate) fn computer(&self) -> Computer {
        let mut guard = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((system, asked)) = &mut *guard else { return Computer::default() };
        system.refresh_cpu_usage();
        system.refresh_memory();
        let threads = u32::try_from(system.cpus().len()).unwrap_or(u32::MAX);
        let cores = System::physical_core_count().ok().and_then(|cores| u32::try_from(cores).ok());
        let cpu = Cpu {
            name: system
                .cpus()
                .first()
                .map(|cpu| cpu.brand().trim().to_owned())
                .unwrap_or_default(),
            cores: cores.unwrap_or(threads),
            threads,
            usage: asked.then(|| system.global_cpu_usage()),
        };
        *asked = true;
        let total = system.total_memory();
        // New versions of the system may report nothing as available.
        let available = match system.available_memory() {
            0 => total.saturating_sub(system.used_memory()),
            available => available,
        };
        let gpus: Vec<_> = card(available).into_iter().collect();
        let unified = super::super::join::is_unified(&gpus);
        Computer { cpu, memory: Memory { total, available, limited_by: None }, gpus, unified }
    }
}

/// The part of main memory Metal lets programs use. It follows `iogpu.wired_limit_mb`.
fn card(available: u64) -> Option<Gpu> {
    let device = MTLCreateSystemDefaultDevice()?;
    let budget = device.recommendedMaxWorkingSetSize();
    let apple = device.hasUnifiedMemory();
    Some(Gpu {
        id: "metal0".to_owned(),
        pci: String::new(),
        name: device.name().to_string(),
        vendor: if apple { Vendor::Apple } else { Vendor::Other },
        kind: if apple { GpuKind::Integrated } else { GpuKind::Discrete },
        total: Some(budget).filter(|budget| *budget > 0),
        free: apple.then(|| budget.min(available)),
        users: Vec::new(),
        ollama: None,
        source: "metal".to_owned(),
    })
}
