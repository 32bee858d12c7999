"""Throughput of batches, here on a CPU: the same function, another device."""

from __future__ import annotations

import pytest
import torch

from llm_codec import LLMCodec
from llm_codec.bench import gpu


@pytest.fixture
def folder(codec, tmp_path):
    codec.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_throughput_is_measured_in_both_precisions(folder):
    codec = LLMCodec.from_pretrained(folder)
    waves = gpu.batch(codec, 3, 0.5)
    assert waves.shape == (3, 1, 3 * codec.config.block_samples) and waves.dtype == torch.float32
    full, half = gpu.throughput(str(folder), waves, torch.device("cpu"), repeats=2)
    assert (full["dtype"], half["dtype"]) == ("fp32", "bf16")
    assert full["codes_changed"] == 0 and full["codes"] == 3 * 3 * 14
    assert min(line[way] for line in (full, half) for way in ("encode", "decode")) > 0
    with torch.inference_mode():
        wanted = codec.words(waves)
        other = LLMCodec.from_pretrained(folder, dtype=torch.bfloat16).words(waves)
    changed = sum(int((a != b).sum()) for a, b in zip(wanted, other))
    assert half["codes_changed"] == pytest.approx(changed / half["codes"], abs=1e-6)


def test_batch_is_drawn_from_clips_and_brought_to_length(folder, corpus):
    codec = LLMCodec.from_pretrained(folder)
    first, again = (gpu.batch(codec, 2, 2.0, corpus / "dev", seed=1) for _ in range(2))
    assert torch.equal(first, again) and first.shape[-1] >= 32000
    assert not torch.equal(first, gpu.batch(codec, 2, 2.0, corpus / "dev", seed=2))
    assert not torch.equal(first[0], first[1])


def test_command_prints_and_records(bench, folder, tmp_path, read):
    code, out, _ = bench("--gpu", "--device", "cpu", "--codecs", folder, "--batch", 2, "--seconds",
                         0.3, "--repeats", 1, "--json", tmp_path / "gpu.jsonl")
    head, full, half = read(tmp_path / "gpu.jsonl")
    assert code == 0 and head["device"] == "cpu" and out.count("h of audio an hour") == 4
    assert full["fingerprint"] and half["codes"] == 2 * 2 * 14


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_without_a_gpu_the_error_is_one_line(bench):
    code, out, err = bench("--gpu")
    assert code == 1 and "sees no cuda device" in err and err.count("\n") == 1 and not out


def test_a_device_that_cannot_be_used_is_one_line(bench):
    code, _, err = bench("--gpu", "--device", "xpu")
    assert code == 1 and "cannot use xpu here" in err and err.count("\n") == 1


def test_a_device_of_no_kind_is_wrong_use(bench):
    code, _, err = bench("--gpu", "--device", "abacus")
    assert code == 2 and "'abacus'" in err and err.count("\n") == 1


def test_a_record_without_a_folder_is_refused_before_the_work(bench):
    code, _, err = bench("--gpu", "--device", "cpu", "--json", "/nowhere/gpu.jsonl")
    assert code == 2 and "its folder does not exist" in err and err.count("\n") == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_nearly_the_codes_of_the_cpu(folder):
    waves = gpu.batch(LLMCodec.from_pretrained(folder), 4, 2.0)
    full, _ = gpu.throughput(str(folder), waves, torch.device("cuda"))
    with torch.inference_mode():
        there = LLMCodec.from_pretrained(folder, device="cuda").words(waves)
        here = LLMCodec.from_pretrained(folder).words(waves)
    same = sum(int((a == b).sum()) for a, b in zip(here, there)) / full["codes"]
    assert same > 0.98
