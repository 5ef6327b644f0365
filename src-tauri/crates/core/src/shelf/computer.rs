//! The computer as the person sees it.

use drawbridge_hardware::probe::{Computer, Gpu, GpuKind};

use super::fit::follows_settings;
use crate::clock::now_ms;
use crate::ollama::OllamaNow;
use crate::view::{ComputerView, DiskView, GpuUserView, GpuView};

pub(super) fn view(
    computer: &Computer,
    disk: Option<DiskView>,
    ollama: &OllamaNow,
) -> ComputerView {
    ComputerView {
        at: now_ms(),
        processor: computer.cpu.name.clone(),
        cores: Some(computer.cpu.cores).filter(|cores| *cores > 0),
        threads: computer.cpu.threads,
        processor_use: computer.cpu.usage,
        memory_total: computer.memory.total,
        memory_free: computer.memory.available,
        memory_limit: computer.memory.limited_by.clone(),
        unified: computer.unified,
        gpus: computer.gpus.iter().map(gpu).collect(),
        disk,
        summary: summary(computer, ollama),
    }
}

fn gpu(gpu: &Gpu) -> GpuView {
    let mut users: Vec<_> = gpu
        .users
        .iter()
        .map(|user| GpuUserView {
            name: user.name.clone().unwrap_or_else(|| format!("Process {}", user.pid)),
            bytes: user.bytes,
        })
        .collect();
    users.sort_by_key(|user| std::cmp::Reverse(user.bytes));
    GpuView {
        id: gpu.id.clone(),
        name: gpu.name.clone(),
        integrated: gpu.kind == GpuKind::Integrated,
        total: gpu.total,
        free: gpu.free,
        used_by_ollama: gpu.ollama,
        // The one form of id that CUDA and ROCm both take, however many cards there are.
        choosable: gpu.id.starts_with("GPU-"),
        users,
    }
}

fn summary(computer: &Computer, ollama: &OllamaNow) -> String {
    let none_chosen =
        follows_settings(ollama) && ollama.settings.gpus.as_ref().is_some_and(Vec::is_empty);
    let used: Vec<&Gpu> =
        computer.gpus.iter().filter(|gpu| !none_chosen && gpu.is_used_by_ollama()).collect();
    let unknown = used.iter().any(|gpu| gpu.total.is_none()) && !computer.unified;
    let sentence = match used.as_slice() {
        _ if none_chosen => "Models run on the processor, as it is set.",
        [] if computer.gpus.is_empty() => {
            "No graphics card was found. Models run on the processor, which is slow for large ones."
        }
        [] => {
            "The graphics in this computer are part of the processor, and Ollama does not use them. \
             Models run on the processor, which is slow for large ones."
        }
        _ if computer.unified => {
            "Graphics and processor share one memory. Models use what of it is free."
        }
        [_] if unknown => "Models run on the graphics card. How much memory it has is not known.",
        [_] => "Models run on the graphics card as far as they fit in its memory.",
        _ => "Models run on the graphics cards as far as they fit in their memory.",
    };
    sentence.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use drawbridge_hardware::probe::Vendor;

    use crate::view::OllamaRunBy;

    fn card(kind: GpuKind, vendor: Vendor) -> Gpu {
        Gpu {
            id: "0000:01:00.0".to_owned(),
            pci: "0000:01:00.0".to_owned(),
            name: "A card".to_owned(),
            vendor,
            kind,
            total: Some(8 << 30),
            free: None,
            users: Vec::new(),
            ollama: None,
            source: "sysfs".to_owned(),
        }
    }

    #[test]
    fn what_models_run_on_is_said_in_a_sentence() {
        let plain = OllamaNow::default();
        let mut processor_only = OllamaNow::default();
        processor_only.settings.gpus = Some(Vec::new());
        let theirs = OllamaNow { run_by: Some(OllamaRunBy::Service), ..processor_only.clone() };
        processor_only.run_by = Some(OllamaRunBy::Drawbridge);
        for (gpus, ollama, told) in [
            (vec![], &plain, "No graphics card was found"),
            (vec![card(GpuKind::Integrated, Vendor::Intel)], &plain, "part of the processor"),
            (vec![card(GpuKind::Discrete, Vendor::Amd)], &plain, "run on the graphics card"),
            (vec![card(GpuKind::Discrete, Vendor::Amd)], &processor_only, "as it is set"),
            (vec![card(GpuKind::Discrete, Vendor::Amd)], &theirs, "run on the graphics card"),
        ] {
            let computer = Computer { gpus, ..Computer::default() };
            let said = summary(&computer, ollama);
            assert!(said.contains(told), "{said}");
        }
    }
}
