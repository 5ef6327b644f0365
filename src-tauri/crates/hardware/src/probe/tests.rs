//! Files as the kernel writes them. All of them are constructed, none was recorded on a computer.

use std::path::Path;

use tempfile::TempDir;

use super::join::{is_unified, join, pci_address};
use super::*;

const GIB: u64 = 1 << 30;

fn gpu(id: &str, pci: &str, vendor: Vendor, total: Option<u64>) -> Gpu {
    Gpu {
        id: id.to_owned(),
        pci: pci.to_owned(),
        name: String::new(),
        vendor,
        kind: if total.is_some() { GpuKind::Discrete } else { GpuKind::Integrated },
        total,
        free: total,
        users: Vec::new(),
        ollama: None,
        source: "test".to_owned(),
    }
}

#[test]
fn one_card_told_twice_is_one_card() {
    assert_eq!(pci_address("00000000:0A:00.0"), "0000:0a:00.0");
    assert_eq!(pci_address("0a:00.0"), "0000:0a:00.0");
    assert_eq!(pci_address("0000:0a:00.0"), "0000:0a:00.0");
    assert_eq!(pci_address(""), "");
    let listed = vec![
        gpu("0000:01:00.0", "0000:01:00.0", Vendor::Nvidia, None),
        gpu("0000:03:00.0", "0000:03:00.0", Vendor::Amd, Some(GIB)),
    ];
    let told = vec![gpu("GPU-1", "0000:01:00.0", Vendor::Nvidia, Some(8 * GIB))];
    let joined = join(listed.clone(), told);
    assert_eq!(joined.len(), 2);
    assert_eq!(joined[0].id, "GPU-1");
    assert_eq!(join(listed, Vec::new()).len(), 2, "without the driver the list stays");
}

#[test]
fn a_chip_without_memory_of_its_own_shares_the_main_memory() {
    let chip = gpu("GPU-1", "000f:01:00.0", Vendor::Nvidia, None);
    assert!(is_unified(std::slice::from_ref(&chip)));
    let card = gpu("GPU-2", "0000:01:00.0", Vendor::Nvidia, Some(8 * GIB));
    assert!(!is_unified(&[chip, card]));
    let laptop = gpu("0000:00:02.0", "0000:00:02.0", Vendor::Intel, None);
    assert!(!is_unified(&[laptop]), "Ollama does not use it");
}

#[test]
fn what_ollama_says_counts_more() {
    let computer = Computer {
        gpus: vec![
            gpu("0000:03:00.0", "0000:03:00.0", Vendor::Amd, Some(16 * GIB)),
            gpu("0000:0b:00.0", "0000:0b:00.0", Vendor::Amd, None),
        ],
        ..Computer::default()
    };
    let told = ComputeDevice {
        id: "GPU-9".to_owned(),
        library: "ROCm".to_owned(),
        description: "AMD Radeon RX 6800".to_owned(),
        pci: "0000:03:00.0".to_owned(),
        total: 15 * GIB,
        available: 14 * GIB,
        kind: Some(GpuKind::Discrete),
        ..ComputeDevice::default()
    };
    let new = ComputeDevice {
        id: "GPU-7".to_owned(),
        library: "CUDA".to_owned(),
        pci: "0000:41:00.0".to_owned(),
        total: 8 * GIB,
        available: 7 * GIB,
        ..ComputeDevice::default()
    };
    let cpu = ComputeDevice { library: "cpu".to_owned(), ..ComputeDevice::default() };
    let seen = computer.seen_by_ollama(&[told, new, cpu.clone()]);
    let [first, second, third] = &seen.computer.gpus[..] else { panic!("three cards") };
    assert_eq!((first.total, first.free), (Some(15 * GIB), Some(15 * GIB)));
    assert!(first.is_used_by_ollama() && third.is_used_by_ollama());
    assert_eq!((third.vendor, third.free), (Vendor::Nvidia, Some(7 * GIB)));
    assert!(!second.is_used_by_ollama());
    assert_eq!(seen.dropped.len(), 1);
    assert_eq!(seen.dropped[0].id, second.id);
    let none = computer.seen_by_ollama(&[cpu]);
    assert_eq!(none.dropped.len(), 2, "it found only the processor");
}

#[test]
fn a_disk_is_told_also_for_a_folder_that_is_not_there_yet() {
    let folder = TempDir::new().expect("a folder");
    let disk = Probe::at(folder.path()).disk(&folder.path().join("not/yet")).expect("a disk");
    assert!(disk.total > 0 && disk.free <= disk.total);
    assert!(disk.path.ends_with("not/yet"));
    assert!(Probe::new().disk(Path::new("")).is_err());
}

#[test]
fn this_computer_has_a_processor_and_memory() {
    let probe = Probe::default();
    let first = probe.computer();
    assert!(first.cpu.threads > 0 && first.cpu.cores > 0);
    assert!(first.cpu.cores <= first.cpu.threads);
    assert!(first.memory.total > 0 && first.memory.available <= first.memory.total);
    assert!(first.cpu.usage.is_none(), "the first time there is nothing to compare with");
}

#[cfg(target_os = "linux")]
mod files {
    use std::fs;

    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().expect("a folder above")).expect("a folder");
        #[expect(clippy::disallowed_methods, reason = "a file of a test")]
        fs::write(file, text).expect("a file");
    }

    fn card(root: &Path, number: u32, vendor: &str, pci: &str) -> String {
        let device = format!("sys/class/drm/card{number}/device");
        write(root, &format!("{device}/vendor"), &format!("{vendor}\n"));
        write(root, &format!("{device}/uevent"), &format!("DRIVER=x\nPCI_SLOT_NAME={pci}\n"));
        device
    }

    #[test]
    fn two_cards_and_the_processors_own_are_told_apart() {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path();
        for (number, pci, used) in
            [(0, "0000:03:00.0", Some("1073741824\n")), (1, "0000:43:00.0", None)]
        {
            let device = card(root, number, "0x1002", pci);
            write(root, &format!("{device}/mem_info_vram_total"), "17163091968\n");
            write(root, &format!("{device}/mem_busy_percent"), "3\n");
            // What is used may be unreadable: here it is a folder.
            match used {
                Some(used) => write(root, &format!("{device}/mem_info_vram_used"), used),
                None => write(root, &format!("{device}/mem_info_vram_used/x"), ""),
            }
        }
        let own = card(root, 2, "0x1002", "0000:0C:00.0");
        write(root, &format!("{own}/mem_info_vram_total"), "536870912\n");
        write(root, &format!("{own}/mem_info_vram_used"), "100000000\n");
        write(root, "sys/class/drm/card0-HDMI-A-1/status", "connected\n");
        write(root, "sys/class/drm/card0-HDMI-A-1/device/vendor", "0x1002\n");
        write(root, "sys/class/drm/renderD128/device/vendor", "0x1002\n");
        let computer = Probe::at(root).computer();
        let told: Vec<_> = computer
            .gpus
            .iter()
            .map(|gpu| (gpu.pci.as_str(), gpu.kind, gpu.total, gpu.free))
            .collect();
        let total = Some(17_163_091_968);
        assert_eq!(
            told,
            [
                ("0000:03:00.0", GpuKind::Discrete, total, Some(17_163_091_968 - GIB)),
                ("0000:0c:00.0", GpuKind::Integrated, Some(536_870_912), Some(436_870_912)),
                ("0000:43:00.0", GpuKind::Discrete, total, None),
            ]
        );
        let used: Vec<_> = computer.gpus.iter().map(Gpu::is_used_by_ollama).collect();
        assert_eq!(used, [true, false, true]);
        assert!(!computer.unified);
    }

    #[test]
    fn intels_cards_have_memory_and_its_processors_have_none() {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path();
        card(root, 0, "0x8086", "0000:00:02.0");
        let xe = card(root, 1, "0x8086", "0000:03:00.0");
        write(root, &format!("{xe}/tile0/physical_vram_size_bytes"), "0x200000000\n");
        write(root, &format!("{xe}/tile1/physical_vram_size_bytes"), "0x200000000\n");
        card(root, 2, "0x8086", "0000:04:00.0");
        write(root, "sys/class/drm/card2/lmem_total_bytes", "6442450944\n");
        let gpus = Probe::at(root).computer().gpus;
        let told: Vec<_> = gpus.iter().map(|gpu| (gpu.kind, gpu.total, gpu.free)).collect();
        assert_eq!(
            told,
            [
                (GpuKind::Integrated, None, None),
                (GpuKind::Discrete, Some(16 * GIB), None),
                (GpuKind::Discrete, Some(6 * GIB), None),
            ]
        );
    }

    #[test]
    fn without_its_driver_a_card_is_there_but_unknown() {
        let folder = TempDir::new().expect("a folder");
        card(folder.path(), 0, "0x10de", "0000:01:00.0");
        card(folder.path(), 1, "0x1234", "0000:00:01.0");
        let gpus = Probe::at(folder.path()).computer().gpus;
        assert_eq!(gpus.len(), 2);
        let nvidia = gpus.iter().find(|gpu| gpu.vendor == Vendor::Nvidia).expect("the card");
        assert_eq!((nvidia.total, nvidia.free), (None, None));
        let other = gpus.iter().find(|gpu| gpu.vendor == Vendor::Other).expect("the other");
        assert!(!other.is_used_by_ollama());
    }

    #[test]
    fn a_control_group_allows_less_than_there_is() {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path();
        write(
            root,
            "proc/meminfo",
            "MemTotal: 33554432 kB\nMemFree: 1 kB\nMemAvailable: 16777216 kB\n",
        );
        let free = Probe::at(root).computer().memory;
        let all = Memory { total: 32 * GIB, available: 16 * GIB, limited_by: None };
        assert_eq!(free, all);
        write(root, "proc/self/cgroup", "0::/box/app\n");
        write(root, "sys/fs/cgroup/box/memory.max", "8589934592\n");
        write(root, "sys/fs/cgroup/box/memory.current", "4294967296\n");
        write(root, "sys/fs/cgroup/box/memory.stat", "anon 1\ninactive_file 1073741824\n");
        write(root, "sys/fs/cgroup/box/app/memory.max", "max\n");
        let limited = Probe::at(root).computer().memory;
        assert_eq!((limited.total, limited.available), (8 * GIB, 5 * GIB));
        assert_eq!(limited.limited_by.as_deref(), Some("/box"));
        write(root, "sys/fs/cgroup/box/memory.current", "99999999999\n");
        assert_eq!(Probe::at(root).computer().memory.available, 0);
    }

    #[test]
    fn the_processor_tells_its_cores_and_how_busy_it_is() {
        let folder = TempDir::new().expect("a folder");
        let root = folder.path();
        let thread = |number, core| {
            format!(
                "processor\t: {number}\nmodel name\t: Maker X\nphysical id\t: 0\ncore id\t\t: {core}\n\n"
            )
        };
        let threads: String = (0..4).map(|number| thread(number, number % 2)).collect();
        write(root, "proc/cpuinfo", &threads);
        write(root, "proc/stat", "cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 1\n");
        let probe = Probe::at(root);
        let cpu = probe.computer().cpu;
        assert_eq!((cpu.name.as_str(), cpu.cores, cpu.threads), ("Maker X", 2, 4));
        write(root, "proc/stat", "cpu  150 0 125 775 100 0 0 0 60 0\n");
        let usage = probe.computer().cpu.usage.expect("the second time");
        assert!((usage - 50.0).abs() < 0.01, "{usage}");
    }

    #[test]
    fn nothing_to_read_is_an_empty_computer() {
        let folder = TempDir::new().expect("a folder");
        assert_eq!(Probe::at(folder.path()).computer(), Computer::default());
    }
}
