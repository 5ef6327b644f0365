"""Holds our figures for a model's memory against what a real llama.cpp allocates.

Writes model files of made-up shapes whose weights are all zero (sparse: they take no disk), loads
each on the processor, reads the sizes of the buffers from llama.cpp's log, and compares them with
what `cargo run -p drawbridge-hardware --example need` says for the same file.

    python -m venv /tmp/sizing && /tmp/sizing/bin/pip install -r requirements.txt
    /tmp/sizing/bin/python compare.py [--record FILE]

`--record` writes what was measured for `src-tauri/crates/hardware/tests/recorded.rs`.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFWriter

MIB = 1 << 20
ALIGNMENT = 32
REPOSITORY = Path(__file__).resolve().parents[3]
PACKAGE = "xllamacpp 2026.10.11549"

# The log has two digits after the point.
ROUNDING = 0.005 * MIB

PLAIN = dict(layers=4, embedding=512, feed_forward=1376, heads=8, kv_heads=8, trained=32768, vocabulary=2000)
SHAPES = {
    "llama, as many heads for keys as for queries": dict(PLAIN, architecture="llama"),
    "llama, few heads for keys": dict(
        PLAIN, architecture="llama", layers=6, embedding=1536, feed_forward=4096, heads=24, kv_heads=3,
        vocabulary=32000, kind="Q8_0"),
    "llama, one head for keys, tied": dict(
        PLAIN, architecture="llama", embedding=768, heads=12, kv_heads=1, tied=True, kind="F16"),
    "llama, heads of odd length": dict(PLAIN, architecture="llama", heads=10, kv_heads=2, head=96, kind="F16"),
    "llama, wide feed-forward": dict(PLAIN, architecture="llama", feed_forward=11008),
    "llama, narrow feed-forward": dict(PLAIN, architecture="llama", feed_forward=512),
    "llama, 70 thousand tokens, many layers": dict(PLAIN, architecture="llama", layers=40, vocabulary=70000),
    "qwen2, with biases": dict(PLAIN, architecture="qwen2", embedding=896, feed_forward=4864, heads=14, kv_heads=2),
    "qwen3, long heads": dict(PLAIN, architecture="qwen3", embedding=1024, feed_forward=3072, heads=16, kv_heads=8,
                              head=128, tied=True),
    "qwen3moe": dict(PLAIN, architecture="qwen3moe", embedding=1024, feed_forward=3072, heads=16, kv_heads=2, head=128,
                     experts=16, used=4, expert=384),
    "qwen3moe, narrow experts": dict(PLAIN, architecture="qwen3moe", embedding=2048, feed_forward=6144, heads=32,
                                     kv_heads=4, head=128, experts=16, used=8, expert=768, kind="F16"),
    "qwen3moe, very narrow experts": dict(PLAIN, architecture="qwen3moe", embedding=1024, feed_forward=2048, heads=8,
                                          kv_heads=2, head=128, experts=16, used=8, expert=256, kind="F16"),
    "phi3, joint weights": dict(PLAIN, architecture="phi3", embedding=1280, feed_forward=4480, heads=20, kv_heads=5),
    "gemma2": dict(PLAIN, architecture="gemma2", layers=7, embedding=1024, feed_forward=4096, heads=8, kv_heads=4,
                   head=256, window=1024, tied=True),
    "gemma3": dict(PLAIN, architecture="gemma3", layers=14, embedding=1152, feed_forward=6912, heads=4, kv_heads=1,
                   head=256, window=512, tied=True),
    "gemma3, wide window": dict(PLAIN, architecture="gemma3", layers=12, embedding=1280, feed_forward=5120, heads=8,
                                kv_heads=4, head=256, window=3000, tied=True),
    "gpt-oss": dict(PLAIN, architecture="gpt-oss", layers=6, embedding=768, feed_forward=768, heads=16, kv_heads=4,
                    head=64, window=128, experts=8, used=4, expert=768),
    "nomic-bert": dict(PLAIN, architecture="nomic-bert", layers=4, embedding=768, feed_forward=3072, heads=12,
                       kv_heads=12, trained=8192, kind="F16"),
    "bert": dict(PLAIN, architecture="bert", layers=3, embedding=384, feed_forward=1536, heads=12, kv_heads=12,
                 trained=512),
}
SETUPS = [
    dict(numCtx=2048),
    dict(numCtx=4096),
    dict(numCtx=5000),
    dict(numCtx=16384),
    dict(numCtx=32768, cache="q8_0"),
    dict(numCtx=4096, cache="q4_0"),
    dict(numCtx=8192, parallel=4),
    dict(numCtx=4096, flashAttention=False),
    dict(numCtx=16384, flashAttention=False),
    dict(numCtx=65536),
]


def tensors(shape):
    """Names and sides of all tensors, the first side the inner one, as GGUF files have them."""
    a, e, f = shape["architecture"], shape["embedding"], shape["feed_forward"]
    head = shape.get("head", e // shape["heads"])
    q, kv = shape["heads"] * head, shape["kv_heads"] * head
    yield "token_embd.weight", (e, shape["vocabulary"])
    if a.endswith("bert"):
        yield "token_types.weight", (e, 2)
        if a == "bert":
            yield "position_embd.weight", (e, shape["trained"])
        for name in ("token_embd_norm.weight", "token_embd_norm.bias"):
            yield name, (e,)
    else:
        yield "output_norm.weight", (e,)
        if not shape.get("tied"):
            yield "output.weight", (e, shape["vocabulary"])
    for layer in range(shape["layers"]):
        def block(name, *sides):
            return f"blk.{layer}.{name}", sides
        if a.endswith("bert"):
            if a == "bert":
                for part in "qkv":
                    yield block(f"attn_{part}.weight", e, e)
                    yield block(f"attn_{part}.bias", e)
                yield block("attn_output.bias", e)
                yield block("ffn_up.bias", f)
                yield block("ffn_down.bias", e)
            else:
                yield block("attn_qkv.weight", e, 3 * e)
                yield block("ffn_gate.weight", e, f)
            yield block("attn_output.weight", e, e)
            yield block("ffn_up.weight", e, f)
            yield block("ffn_down.weight", f, e)
            for norm in ("attn_output_norm", "layer_output_norm"):
                yield block(f"{norm}.weight", e)
                yield block(f"{norm}.bias", e)
            continue
        yield block("attn_norm.weight", e)
        if a == "phi3":
            yield block("attn_qkv.weight", e, q + 2 * kv)
        else:
            yield block("attn_q.weight", e, q)
            yield block("attn_k.weight", e, kv)
            yield block("attn_v.weight", e, kv)
        yield block("attn_output.weight", q, e)
        if a in ("qwen2", "gpt-oss"):
            yield block("attn_q.bias", q)
            yield block("attn_k.bias", kv)
            yield block("attn_v.bias", kv)
        if a in ("qwen3", "qwen3moe", "gemma3"):
            yield block("attn_q_norm.weight", head)
            yield block("attn_k_norm.weight", head)
        if a in ("gemma2", "gemma3"):
            yield block("post_attention_norm.weight", e)
            yield block("post_ffw_norm.weight", e)
        if a == "gpt-oss":
            yield block("attn_output.bias", e)
            yield block("attn_sinks.weight", shape["heads"])
            yield block("post_attention_norm.weight", e)
        else:
            yield block("ffn_norm.weight", e)
        if "experts" in shape:
            n, x = shape["experts"], shape["expert"]
            yield block("ffn_gate_inp.weight", e, n)
            yield block("ffn_gate_exps.weight", e, x, n)
            yield block("ffn_up_exps.weight", e, x, n)
            yield block("ffn_down_exps.weight", x, e, n)
            if a == "gpt-oss":
                yield block("ffn_gate_inp.bias", n)
                yield block("ffn_gate_exps.bias", x, n)
                yield block("ffn_up_exps.bias", x, n)
                yield block("ffn_down_exps.bias", e, n)
        elif a == "phi3":
            yield block("ffn_up.weight", e, 2 * f)
            yield block("ffn_down.weight", f, e)
        else:
            yield block("ffn_gate.weight", e, f)
            yield block("ffn_up.weight", e, f)
            yield block("ffn_down.weight", f, e)


def keys(shape):
    """The keys a model file and Ollama's answer both have."""
    found = {
        "block_count": shape["layers"],
        "context_length": shape["trained"],
        "embedding_length": shape["embedding"],
        "feed_forward_length": shape["feed_forward"],
        "attention.head_count": shape["heads"],
        "attention.head_count_kv": shape["kv_heads"],
    }
    if "head" in shape:
        found["attention.key_length"] = shape["head"]
        found["attention.value_length"] = shape["head"]
        found["rope.dimension_count"] = shape["head"]
    if "window" in shape:
        found["attention.sliding_window"] = shape["window"]
    if "experts" in shape:
        found["expert_count"] = shape["experts"]
        found["expert_used_count"] = shape["used"]
        found["expert_feed_forward_length"] = shape["expert"]
    return found


def kind_of(name, sides, shape):
    if len(sides) == 1 or name.endswith(".bias") or "gate_inp" in name or "token_types" in name:
        return GGMLQuantizationType.F32
    return GGMLQuantizationType[shape.get("kind", "F32")]


def write(shape, path):
    """Writes a model file, and returns what Ollama's `/api/show` would say about it."""
    a = shape["architecture"]
    writer = GGUFWriter(path, a)
    for key, value in keys(shape).items():
        writer.add_uint32(f"{a}.{key}", value)
    epsilon = "layer_norm_epsilon" if a.endswith("bert") else "layer_norm_rms_epsilon"
    writer.add_float32(f"{a}.attention.{epsilon}", 1e-5)
    if a.endswith("bert"):
        writer.add_bool(f"{a}.attention.causal", False)
        writer.add_uint32(f"{a}.pooling_type", 1)
        writer.add_tokenizer_model("bert")
        writer.add_token_type_count(2)
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    else:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("default")
        writer.add_token_merges(["t 1"])
        words = ["<s>", "</s>"]
    words += [f"t{number}" for number in range(shape["vocabulary"] - len(words))]
    writer.add_token_list(words)
    writer.add_token_types([1] * len(words))
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    told, length = [], 0
    for name, sides in tensors(shape):
        kind = kind_of(name, sides, shape)
        elements, block = GGML_QUANT_SIZES[kind]
        size = math.prod(sides) // elements * block
        if elements == 1:
            writer.add_tensor_info(name, sides[::-1], np.dtype(np.float32), size, raw_dtype=kind)
        else:
            # The library takes sides of quantized tensors in bytes.
            rows = sides[:0:-1] + (sides[0] // elements * block,)
            writer.add_tensor_info(name, rows, np.dtype(np.uint8), size, raw_dtype=kind)
        told.append({"name": name, "type": kind.name, "shape": list(sides)})
        length += -(-size // ALIGNMENT) * ALIGNMENT
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    at = writer.fout[0].tell()
    writer.close()
    os.truncate(path, -(-at // ALIGNMENT) * ALIGNMENT + length)
    info = {f"{a}.{key}": value for key, value in keys(shape).items()}
    return {"model_info": {"general.architecture": a, **info}, "tensors": told}


def load(path, setup, need):
    """Loads a file as Ollama would, in a process of its own, and returns the log."""
    program = f"""
import os, sys
import xllamacpp
asked = {dict(setup, batch=need["batch"])!r}
params = xllamacpp.CommonParams()
params.model.path = {str(path)!r}
params.n_parallel = asked.get("parallel", 1)
params.n_ctx = {need["limit"]} * params.n_parallel
params.n_batch = params.n_ubatch = asked["batch"]
params.warmup = False
params.fit_params = False
params.verbosity = 4
params.port = 0
params.embedding = {need["encoder"]}
flash = "ENABLED" if asked.get("flashAttention", True) else "DISABLED"
params.flash_attn_type = getattr(
    xllamacpp.llama_flash_attn_type, "LLAMA_FLASH_ATTN_TYPE_" + flash)
kind = getattr(xllamacpp.ggml_type, "GGML_TYPE_" + asked.get("cache", "f16").upper())
params.cache_type_k = params.cache_type_v = kind
try:
    server = xllamacpp.Server(params)
except BaseException as error:
    print("failed:", error, file=sys.stderr)
sys.stderr.flush()
os._exit(0)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    return ran.stdout + ran.stderr


BUFFER = re.compile(r"(\w+):\s+(\S+)\s+(model|KV|compute|RS) buffer size\s*=\s*([\d.]+) MiB")


def measured(log):
    """The bytes of each kind of buffer; of one told twice the last counts."""
    found = {}
    for part, device, kind, size in BUFFER.findall(log):
        found.setdefault(kind.lower(), {}).setdefault((part, device), []).append(float(size) * MIB)
    sums = {}
    for kind, buffers in found.items():
        # A cache with a sliding window is told of in two lines of the same words.
        windowed = kind == "kv" and "iswa" in log
        sums[kind] = round(sum(sum(values) if windowed else values[-1] for values in buffers.values()))
    return sums


class Ours:
    """The example program, asked line by line."""

    def __init__(self):
        command = ["cargo", "run", "-q", "-p", "drawbridge-hardware", "--example", "need"]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, show, setup):
        self.process.stdin.write(json.dumps({"show": show, "setup": setup}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def off(ours, theirs):
    if abs(ours - theirs) <= ROUNDING * 2:
        return 0.0
    return (ours - theirs) / theirs * 100 if theirs else float("inf")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--record", type=Path)
    arguments.add_argument("--only")
    arguments = arguments.parse_args()
    ours, rows, worst = Ours(), [], {}
    print(f"{'shape':46} {'setup':44} {'KV':>9} {'off %':>7} {'compute':>9} {'off %':>7} {'weights off %':>8}")
    for name, shape in SHAPES.items():
        if arguments.only and arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.gguf"
            show = write(shape, path)
            for setup in SETUPS:
                encoder = shape["architecture"].endswith("bert")
                if encoder and (len(setup) > 1 and "flashAttention" not in setup):
                    continue
                answer = ours.ask(show, setup)
                need = answer["need"]
                limit = min(setup["numCtx"], shape["trained"])
                log = load(path, setup, dict(need, limit=limit, encoder=encoder))
                got = measured(log)
                if "compute" not in got or ("kv" not in got and not encoder):
                    reason = [line for line in log.splitlines() if re.search("fail|error|E ", line)]
                    print(f"{name:46} {json.dumps(setup):44} not loaded: {reason[:3]}")
                    continue
                kv, compute, model = got.get("kv", 0), got["compute"], got["model"]
                offs = (off(need["kv"], kv), off(need["compute"], compute), off(answer["shape"]["weights"], model))
                for kind, value in zip(("KV", "compute, flash attention" if setup.get("flashAttention", True)
                                        else "compute, without", "weights"), offs):
                    worst[kind] = max(worst.get(kind, 0.0), abs(value))
                print(f"{name:46} {json.dumps(setup):44} {kv / MIB:9.2f} {offs[0]:+7.2f} {compute / MIB:9.2f} "
                      f"{offs[1]:+7.2f} {offs[2]:+7.2f}", flush=True)
                rows.append({"name": name, "shape": answer["shape"], "setup": setup,
                             "kv": kv, "compute": compute, "weights": model})
    print("furthest off, in percent:", {kind: round(value, 2) for kind, value in worst.items()})
    if arguments.record:
        with open(arguments.record, "w") as file:
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
            file.write(f'{{"source":"{PACKAGE}, processor backend, by tests/clients/sizing/compare.py","rows":[\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
