//! Windows: NVIDIA's driver, DXGI for the size of other cards, and the system's memory. What DXGI
//! calls used is what this program uses, so it says nothing about what is free.

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use sysinfo::{Disks, Gpus, ProcessesToUpdate, System};

use super::super::join::{is_unified, join};
use super::super::nvml::Driver;
use super::super::{Computer, Cpu, Gpu, GpuKind, Memory, Vendor};

#[derive(Debug)]
pub(crate) struct Sources {
    driver: Driver,
    system: Mutex<Option<(System, bool)>>,
}

/// Processors' own graphics report a little memory set aside by the firmware, at most so much.
const LARGEST_SET_ASIDE: u64 = 2 << 30;

impl Sources {
    pub(crate) fn new() -> Self {
        Self {
            driver: Driver::load(),
            system: Mutex::new(System::new().ok().map(|system| (system, false))),
        }
    }

    pub(crate) fn at(_root: &Path) -> Self {
        Self { driver: Driver::absent(), ..Self::new() }
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
        let memory = Memory {
            total: system.total_memory(),
            available: system.available_memory(),
            limited_by: None,
        };
        let told = self.driver.gpus(name_of);
        let gpus = join(listed(), told);
        let unified = is_unified(&gpus);
        Computer { cpu, memory, gpus, unified }
    }
}

fn name_of(pid: u32) -> Option<String> {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = System::new().ok()?;
    system.refresh_processes(ProcessesToUpdate::Some(&[pid]), false);
    system.process(pid).map(|process| process.name().to_string_lossy().into_owned())
}

fn listed() -> Vec<Gpu> {
    let Ok(gpus) = Gpus::new_with_refreshed_list() else { return Vec::new() };
    let listed = gpus.iter().map(|gpu| {
        let name = gpu.model().unwrap_or_default().to_owned();
        let vendor = vendor(gpu.vendor().unwrap_or_default(), &name);
        let total = gpu.total_memory().filter(|total| *total > 0);
        let large = total.is_some_and(|total| total > LARGEST_SET_ASIDE);
        let kind = if large { GpuKind::Discrete } else { GpuKind::Integrated };
        let at = gpu.pci();
        let pci = format!("{:04x}:{:02x}:{:02x}.{:x}", at.domain, at.bus, at.device, at.function);
        Gpu {
            id: pci.clone(),
            pci,
            name: if name.is_empty() { Computer::plain_name(vendor, kind) } else { name },
            vendor,
            kind,
            total,
            free: None,
            users: Vec::new(),
            ollama: None,
            source: "dxgi".to_owned(),
        }
    });
    listed.collect()
}

fn vendor(maker: &str, name: &str) -> Vendor {
    let text = format!("{maker} {name}").to_ascii_lowercase();
    match () {
        () if text.contains("nvidia") => Vendor::Nvidia,
        () if text.contains("amd") || text.contains("radeon") => Vendor::Amd,
        () if text.contains("intel") => Vendor::Intel,
        () => Vendor::Other,
    }
}

/// All of the disk a folder lies on, and what may still be written there, in bytes.
pub(crate) fn space(folder: &Path) -> io::Result<(u64, u64)> {
    let folder = std::path::absolute(folder)?;
    let disks = Disks::new_with_refreshed_list().map_err(io::Error::other)?;
    let of = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    let nearest = of.max_by_key(|disk| disk.mount_point().as_os_str().len());
    let disk = nearest.ok_or(io::ErrorKind::NotFound)?;
    Ok((disk.total_space(), disk.available_space()))
}
