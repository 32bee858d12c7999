"""A codec in a process of its own: how long it takes to load, and the memory that a file takes."""

from __future__ import annotations

import multiprocessing
import re
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from llm_codec import LLMCodec, blocks

BLOCK_SECONDS = 10


@dataclass(frozen=True)
class Probe:
    """What was seen.

    Args:
        load_s: seconds of `LLMCodec.from_pretrained`, libraries imported before.
        encode_s, decode_s: seconds from sound file to codes and from codes to sound file.
        peak_mib: most memory held until the end, libraries and weights included.
    """

    load_s: float
    encode_s: float
    decode_s: float
    peak_mib: float


def probe(codec: str, sound: Path, out: Path, threads: int) -> Probe:
    """Loads a codec, encodes a file and decodes it to another, in a fresh process.

    Args:
        codec: preset, folder or hub id.
        sound: file to encode.
        out: ``.wav`` to write.
        threads: of PyTorch.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_probe, codec, sound, out, threads).result()


def _probe(name: str, sound: Path, out: Path, threads: int) -> Probe:
    torch.set_num_threads(threads)
    times = [time.perf_counter()]
    codec = LLMCodec.from_pretrained(name)
    times.append(time.perf_counter())
    codes = codec.encode(sound)
    times.append(time.perf_counter())
    codec.decode_file(codes, out)
    times.append(time.perf_counter())
    return Probe(*(end - start for start, end in zip(times, times[1:])), _peak())


def _peak() -> float:
    """MiB. Linux's own account first: that of `resource` counts the process that started us."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"^VmHWM:\s+(\d+)", status.read_text(), re.M)[1]) / 1024
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def write_sound(path: Path, seconds: int, sample_rate: int, seed: int) -> None:
    """Writes noise whose level goes up and down, in constant memory."""
    blocks.save(path, _noise(seconds, sample_rate, np.random.default_rng(seed)), sample_rate)


def _noise(seconds: int, sample_rate: int, draw: np.random.Generator) -> Iterator[np.ndarray]:
    for start in range(0, seconds, BLOCK_SECONDS):
        length = min(BLOCK_SECONDS, seconds - start) * sample_rate
        level = 0.1 * (1 + np.sin(np.arange(length) / sample_rate * 7))
        yield (level * draw.normal(0, 0.5, length)).clip(-1, 1).astype(np.float32)
