//! Linux: the files under `/proc` and `/sys`, and NVIDIA's driver.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::join::{is_unified, join};
use super::super::nvml::Driver;
use super::super::{Computer, Cpu, Gpu, GpuKind, Memory, Vendor};

/// Files larger than this are none of the kernel's.
const LONGEST: u64 = 4 << 20;

#[derive(Debug)]
pub(crate) struct Sources {
    root: PathBuf,
    driver: Driver,
    /// The processor's times at the last question.
    last: Mutex<Option<Times>>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    idle: u64,
    all: u64,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self { driver: Driver::load(), ..Self::at(Path::new("/")) }
    }

    pub(crate) fn at(root: &Path) -> Self {
        Self { root: root.to_path_buf(), driver: Driver::absent(), last: Mutex::default() }
    }

    pub(crate) fn computer(&self) -> Computer {
        let name_of = |pid| self.text(&format!("proc/{pid}/comm"));
        let gpus = join(self.listed(), self.driver.gpus(name_of));
        let unified = is_unified(&gpus);
        Computer { cpu: self.cpu(), memory: self.memory(), gpus, unified }
    }

    fn text(&self, path: &str) -> Option<String> {
        text(&self.root.join(path))
    }

    fn cpu(&self) -> Cpu {
        let info = self.text("proc/cpuinfo").unwrap_or_default();
        let mut cpu = Cpu { usage: self.usage(), ..Cpu::default() };
        let mut cores = BTreeSet::new();
        let (mut package, mut core) = (String::new(), None);
        for line in info.lines().chain([""]) {
            let (key, value) = line.split_once(':').map_or(("", ""), |(k, v)| (k.trim(), v.trim()));
            match key {
                "processor" => cpu.threads = cpu.threads.saturating_add(1),
                "model name" | "Model" if cpu.name.is_empty() => value.clone_into(&mut cpu.name),
                "physical id" => value.clone_into(&mut package),
                "core id" => core = Some(value.to_owned()),
                "" => {
                    cores.extend(core.take().map(|core| (package.clone(), core)));
                }
                _ => {}
            }
        }
        // Arm tells of no cores there; its threads are its cores.
        cpu.cores =
            u32::try_from(cores.len()).ok().filter(|cores| *cores > 0).unwrap_or(cpu.threads);
        cpu
    }

    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
    fn usage(&self) -> Option<f32> {
        let stat = self.text("proc/stat")?;
        let times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        // Guests' time is in user's already (man 5 proc_stat).
        let times: Vec<u64> = times.take(8).filter_map(|time| time.parse().ok()).collect();
        let idle = times.iter().skip(3).take(2).fold(0, |sum: u64, time| sum.saturating_add(*time));
        let all = times.iter().fold(0, |sum: u64, time| sum.saturating_add(*time));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(Times { idle, all })?;
        let passed = all.saturating_sub(before.all);
        let busy = passed.saturating_sub(idle.saturating_sub(before.idle));
        (passed > 0).then(|| busy as f32 * 100.0 / passed as f32)
    }

    fn memory(&self) -> Memory {
        let info = self.text("proc/meminfo").unwrap_or_default();
        let of = |key: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.unwrap_or_default().saturating_mul(1024)
        };
        let mut memory =
            Memory { total: of("MemTotal"), available: of("MemAvailable"), limited_by: None };
        self.limit(&mut memory);
        memory
    }

    /// A control group, or one above it, may allow less than there is.
    fn limit(&self, memory: &mut Memory) {
        let groups = self.text("proc/self/cgroup").unwrap_or_default();
        let Some(group) = groups.lines().find_map(|line| line.strip_prefix("0::")) else { return };
        for above in Path::new(group.trim_start_matches('/')).ancestors() {
            let folder = self.root.join("sys/fs/cgroup").join(above);
            let Some(most) = number(&folder.join("memory.max")) else { continue };
            let used = number(&folder.join("memory.current")).unwrap_or_default();
            // Pages of files that were read long ago are given back first.
            let stat = text(&folder.join("memory.stat")).unwrap_or_default();
            let idle = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
            let idle = idle.and_then(|idle| idle.parse().ok()).unwrap_or_default();
            let free = most.saturating_sub(used.saturating_sub(idle));
            memory.available = memory.available.min(free);
            if most < memory.total {
                memory.total = most;
                memory.limited_by = Some(format!("/{}", above.display()));
            }
        }
    }

    /// The cards under `/sys/class/drm`, in the order of their names.
    fn listed(&self) -> Vec<Gpu> {
        let Ok(entries) = fs::read_dir(self.root.join("sys/class/drm")) else { return Vec::new() };
        let mut cards: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                // `card0-HDMI-A-1` is a connector of card 0.
                let name = entry.file_name().into_string().ok()?;
                let number = name.strip_prefix("card")?.parse::<u32>().ok()?;
                Some((number, entry.path()))
            })
            .collect();
        cards.sort();
        cards.iter().filter_map(|(_, card)| listed(card)).collect()
    }
}

fn listed(card: &Path) -> Option<Gpu> {
    let device = card.join("device");
    let vendor = text(&device.join("vendor"))?;
    let vendor = Vendor::of_pci(u32::from_str_radix(vendor.trim_start_matches("0x"), 16).ok()?);
    let event = text(&device.join("uevent")).unwrap_or_default();
    let pci = event.lines().find_map(|line| line.strip_prefix("PCI_SLOT_NAME="));
    let pci = pci.unwrap_or_default().to_ascii_lowercase();
    let (kind, total, free) = match vendor {
        Vendor::Amd => amd(&device),
        Vendor::Intel => intel(card, &device),
        // Without its driver's library there is no telling.
        Vendor::Nvidia => (GpuKind::Discrete, None, None),
        Vendor::Apple | Vendor::Other => (GpuKind::Integrated, None, None),
    };
    let name = text(&device.join("product_name")).filter(|name| !name.is_empty());
    let id =
        if pci.is_empty() { card.file_name()?.to_string_lossy().into_owned() } else { pci.clone() };
    Some(Gpu {
        id,
        pci,
        name: name.unwrap_or_else(|| Computer::plain_name(vendor, kind)),
        vendor,
        kind,
        total,
        free,
        users: Vec::new(),
        ollama: None,
        source: "sysfs".to_owned(),
    })
}

/// AMD's driver hides these files for chips that are part of the processor (Linux,
/// drivers/gpu/drm/amd/pm/amdgpu_pm.c). There, what it calls its memory is only the part of main
/// memory the firmware set aside.
const OF_CARDS_ALONE: [&str; 2] = ["mem_busy_percent", "pcie_bw"];

fn amd(device: &Path) -> (GpuKind, Option<u64>, Option<u64>) {
    let discrete = OF_CARDS_ALONE.iter().any(|file| device.join(file).exists());
    let kind = if discrete { GpuKind::Discrete } else { GpuKind::Integrated };
    let total = number(&device.join("mem_info_vram_total"));
    let used = number(&device.join("mem_info_vram_used"));
    let free = total.zip(used).map(|(total, used)| total.saturating_sub(used));
    (kind, total, free)
}

/// Intel's two drivers tell how much memory a card has, but to no one without rights how much of
/// it is free.
fn intel(card: &Path, device: &Path) -> (GpuKind, Option<u64>, Option<u64>) {
    let tiles = fs::read_dir(device).into_iter().flatten().flatten();
    let tiles = tiles.filter(|entry| entry.file_name().to_string_lossy().starts_with("tile"));
    let sizes = tiles.filter_map(|tile| number(&tile.path().join("physical_vram_size_bytes")));
    let xe = sizes.fold(0, u64::saturating_add);
    let total = Some(xe).filter(|total| *total > 0);
    let total = total.or_else(|| number(&card.join("lmem_total_bytes")));
    match total.filter(|total| *total > 0) {
        Some(total) => (GpuKind::Discrete, Some(total), None),
        None => (GpuKind::Integrated, None, None),
    }
}

fn text(path: &Path) -> Option<String> {
    // Files of the kernel say 0 or 4096.
    if fs::metadata(path).ok()?.len() > LONGEST {
        return None;
    }
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// A number in decimal, or in hexadecimal where it says so.
fn number(path: &Path) -> Option<u64> {
    let text = text(path)?;
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
