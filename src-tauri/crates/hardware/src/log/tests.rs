use super::*;

const TABLE: &str = "common_memory_breakdown_print: |   - ROCm0 (8060S Graphics) | 115200 = 120459 + (71326 = 61223 + 9306 + 796) + -76586 |";

/// Lines as Ollama 0.33 writes them, with made-up devices.
fn device_line(quoted: bool) -> String {
    let name = if quoted { "\"NVIDIA GeForce RTX 4090\"" } else { "RTX4090" };
    format!(
        "time=2026-08-21T10:00:00.000+02:00 level=INFO source=types.go:32 msg=\"inference compute\" \
         id=GPU-452cac9f filter_id=0 library=CUDA compute=8.9 name=CUDA0 description={name} \
         libdirs=ollama,cuda_v12 driver=12.7 pci_id=0000:01:00.0 type=discrete \
         total=\"23.6 GiB\" available=\"22.0 GiB\" new=thing"
    )
}

#[test]
fn a_device_is_read_quoted_or_bare() {
    for (quoted, name) in [(true, "NVIDIA GeForce RTX 4090"), (false, "RTX4090")] {
        let Some(Said::Compute(device)) = parse(&device_line(quoted)) else {
            panic!("a device is told");
        };
        assert_eq!(device.id, "GPU-452cac9f");
        assert_eq!((device.library.as_str(), device.name.as_str()), ("CUDA", "CUDA0"));
        assert_eq!((device.description.as_str(), device.pci.as_str()), (name, "0000:01:00.0"));
        assert_eq!(device.kind, Some(GpuKind::Discrete));
        assert_eq!((device.total, device.available), (25_340_307_046, 22 * GIB));
        assert!(!device.is_cpu());
    }
    let cpu = parse(r#"msg="inference compute" id=cpu library=cpu type="" total="31.3 GiB""#);
    assert!(matches!(cpu, Some(Said::Compute(device)) if device.is_cpu()));
}

#[test]
fn each_line_says_what_it_says() {
    let info = "time=2026-08-21T10:00:00Z level=INFO source=x.go:1 ";
    let rows = [
        (
            r#"msg="Listening on 127.0.0.1:11434 (version 0.33.0)""#,
            Said::Listening { address: "127.0.0.1:11434".to_owned(), version: "0.33.0".to_owned() },
        ),
        (
            r#"msg="vram-based default context" total_vram="26.5 GiB" default_num_ctx=32768"#,
            Said::DefaultContext { total_vram: 26 * GIB + GIB / 2, num_ctx: 32768 },
        ),
        (
            r#"msg="dropping integrated GPU; to enable, set OLLAMA_IGPU_ENABLE=1" id=1 description="Intel(R) \"Arc\"""#,
            Said::DroppedIntegrated {
                id: "1".to_owned(),
                description: "Intel(R) \"Arc\"".to_owned(),
            },
        ),
        (r#"msg="starting llama-server" cmd="/usr/lib/llama-server --model x""#, Said::Loading),
        (r#"msg="llama-server started in 3.21 seconds""#, Said::Loaded { seconds: 3.21 }),
        (
            r#"msg="llama-server load failed; reducing automatic context and retrying once" model=x old_num_ctx=262144 effective_num_ctx=131072 new_num_ctx=32768"#,
            Said::ContextReduced { old: 262_144, new: 32768 },
        ),
        (r#"msg="evicting all other loaded models for OOM retry" count=2"#, Said::Evicting),
        (
            r#"msg="requested context size too large for model" num_ctx=131072 n_ctx_train=32768"#,
            Said::ContextTooLarge { num_ctx: 131_072, trained: 32768 },
        ),
        (
            r#"msg="truncating input prompt" limit=4096 prompt=5000 keep=4 new=4096"#,
            Said::Truncated { limit: 4096, prompt: 5000 },
        ),
        (r#"msg="Ollama cloud disabled: true""#, Said::CloudDisabled(true)),
        ("load_tensors: offloaded 29/33 layers to GPU", Said::Offloaded { layers: 29, of: 33 }),
        (
            "using device CUDA0 (NVIDIA GeForce RTX 4060 Ti - 16) (0000:01:00.0) - 15221 MiB free",
            Said::DeviceFree { device: "CUDA0".to_owned(), bytes: 15221 * MIB },
        ),
        ("ggml_cuda: cudaMalloc failed: out of memory", Said::OutOfMemory),
        (
            "0.00.016.506 I load_tensors:   CPU_Mapped model buffer size =    37.50 MiB",
            Said::Buffer {
                part: "load_tensors".to_owned(),
                device: "CPU_Mapped".to_owned(),
                kind: BufferKind::Model,
                bytes: 37 * MIB + MIB / 2,
            },
        ),
    ];
    for (line, said) in rows {
        let whole = if line.starts_with("msg") { format!("{info}{line}") } else { line.to_owned() };
        assert_eq!(parse(&whole), Some(said), "{line}");
    }
}

#[test]
fn what_is_not_understood_is_passed_over() {
    for line in [
        "",
        "=",
        "msg=",
        "msg=\"",
        "msg=\"inference",
        r#"msg="vram-based default context" total_vram="much""#,
        r#"msg="llama-server started in no seconds""#,
        "buffer size = ",
        "x: CUDA0 model buffer size = -1 MiB",
        "x: CUDA0 model buffer size = NaN MiB",
        "common_memory_breakdown_print: | memory breakdown [MiB] | total free self |",
        "common_memory_breakdown_print: |   - X | 1 = 2 |",
        "print_info: n_merges = 1",
        "offloaded many/33 layers to GPU",
    ] {
        assert_eq!(parse(line), None, "{line:?}");
    }
}

#[test]
fn the_table_of_memory_is_read_in_each_column() {
    let Some(Said::Breakdown(row)) = parse(TABLE) else { panic!("a row is told") };
    assert_eq!(row.device, "ROCm0");
    assert_eq!(row.total, Some((115_200 * MIB, 120_459 * MIB)));
    assert_eq!([row.model, row.context, row.compute], [61_223, 9306, 796].map(|mib| mib * MIB));
    let host = "common_memory_breakdown_print: |   - Host |  1200 = 1104 + 0 + 96 |";
    let Some(Said::Breakdown(host)) = parse(host) else { panic!("a row is told") };
    assert_eq!((host.device.as_str(), host.total, host.model), ("Host", None, 1104 * MIB));
}

#[test]
fn of_repeated_fits_the_last_counts_and_main_memory_is_told_apart() {
    let mut buffers = Buffers::new();
    for line in [
        "load_tensors:        CUDA0 model buffer size =  1000.00 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =  2000.00 MiB",
        "sched_reserve:      CUDA0 compute buffer size =   300.00 MiB",
        "load_tensors:   CPU_Mapped model buffer size =   700.00 MiB",
        "load_tensors:        CUDA0 model buffer size =  1100.00 MiB",
        "llama_kv_cache:      CUDA0 KV buffer size =  2200.00 MiB",
        "sched_reserve:      CUDA0 compute buffer size =   330.00 MiB",
        "sched_reserve:  CUDA_Host compute buffer size =   440.00 MiB",
        "alloc_compute_meta:  CUDA0 compute buffer size =    10.00 MiB",
        "llama_memory_recurrent:      CUDA0 RS buffer size =    20.00 MiB",
        "x:  BLAS compute buffer size =    1.00 MiB",
    ] {
        buffers.note(&parse(line).expect("a buffer"));
    }
    assert_eq!(buffers.on_gpu(), (1100 + 2200 + 330 + 10 + 20) * MIB);
    assert_eq!(buffers.in_memory(), (700 + 440 + 1) * MIB);
    assert_eq!(buffers.of(BufferKind::Compute), 340 * MIB);
    buffers.note(&Said::Loading);
    assert_eq!(buffers.on_gpu(), 0, "another load begins with none");
}
