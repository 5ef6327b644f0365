//! Cards that two sources tell of are one card.

use super::{Computer, Gpu, GpuKind, Vendor};

/// A PCI address as Linux writes it. NVML pads the domain to eight digits and uses capitals,
/// Ollama does one or the other.
pub(crate) fn pci_address(told: &str) -> String {
    let told = told.trim().to_ascii_lowercase();
    match told.split_once(':') {
        Some((domain, rest)) if domain.len() > 4 && rest.contains(':') => {
            format!("{}:{rest}", &domain[domain.len() - 4..])
        }
        Some((_, rest)) if !rest.contains(':') => format!("0000:{told}"),
        _ => told,
    }
}

/// The cards the system lists, with what NVIDIA's driver tells in place of those it knows.
#[cfg(any(target_os = "linux", windows, test))]
pub(crate) fn join(listed: Vec<Gpu>, told: Vec<Gpu>) -> Vec<Gpu> {
    let known = |gpu: &Gpu| told.iter().any(|other| !gpu.pci.is_empty() && other.pci == gpu.pci);
    let mut joined: Vec<_> = listed.into_iter().filter(|gpu| !known(gpu)).collect();
    joined.extend(told);
    joined.sort_by(|left, right| left.pci.cmp(&right.pci).then_with(|| left.id.cmp(&right.id)));
    joined
}

/// Whether a card that can run models shares the main memory.
pub(crate) fn is_unified(gpus: &[Gpu]) -> bool {
    gpus.iter().any(|gpu| gpu.kind == GpuKind::Integrated && gpu.is_used_by_ollama())
        && !gpus.iter().any(|gpu| gpu.kind == GpuKind::Discrete && gpu.is_used_by_ollama())
}

impl Computer {
    /// The name of the card for people where the system tells only who made it.
    pub(crate) fn plain_name(vendor: Vendor, kind: GpuKind) -> String {
        let maker = match vendor {
            Vendor::Nvidia => "NVIDIA ",
            Vendor::Amd => "AMD ",
            Vendor::Intel => "Intel ",
            Vendor::Apple => "Apple ",
            Vendor::Other => "",
        };
        match kind {
            GpuKind::Discrete => format!("{maker}graphics card"),
            GpuKind::Integrated => format!("{maker}graphics in the processor"),
        }
    }
}
