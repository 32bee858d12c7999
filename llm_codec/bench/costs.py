"""Costs: seconds and memory, which differ from run to run and stand on lines of their own."""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from llm_codec.bench import codecs
from llm_codec.bench.metrics import RATE
from llm_codec.bench.worker import Line, one_thread, reconstruct

PROBE_SECONDS = 10
_STATUS = Path("/proc/self/status")


def costs(clips: Sequence[Line], specs: Sequence[str], memory: dict[str, int | None]) -> list[Line]:
    """Lines ``cost``: for each codec its real-time factors and memory, then for each clip.

    A real-time factor is seconds of work, on one thread, for a second of audio. For tools of the
    command line the start of their process is in it.

    Args:
        clips: what `Worker.measure` gave, without clips that could not be read.
        specs: codecs in the order of their rows.
        memory: MiB by codec; see `peak_memory`.
    """
    found: list[Line] = []
    each: list[Line] = []
    for spec in specs:
        rows = [(clip, row) for clip in clips for row in clip["rows"]
                if row["codec"] == spec and "cost" in row]
        seconds = sum(clip["seconds"] for clip, _ in rows)
        factors = {f"rtf_{way}": round(sum(row["cost"][f"{way}_s"] for _, row in rows) / seconds, 5)
                   for way in ("encode", "decode") if rows}
        found.append({"line": "cost", "codec": spec, **factors, "peak_mib": memory.get(spec)})
        each += [{"line": "cost", "codec": spec, "clip": clip["clip"], **row["cost"]}
                 for clip, row in rows]
    return found + each


def peak_memory(specs: Sequence[str]) -> dict[str, int | None]:
    """MiB that a codec adds to a process of its own: its weights, and a clip of ten seconds.

    None where it cannot be known: tools run in processes of theirs, and only Linux tells.
    """
    spawn = multiprocessing.get_context("spawn")
    found = {}
    for spec in specs:
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            found[spec] = pool.submit(_probe, spec).result()
    return found


def _probe(spec: str) -> int | None:
    before = _kib("VmRSS")
    codec = codecs.load(spec)
    if before is None or hasattr(codec, "tools"):
        return None
    noise = np.random.default_rng(0).normal(0, 0.1, PROBE_SECONDS * RATE).astype(np.float32)
    with one_thread():
        reconstruct(codec, noise)
    return round((_kib("VmHWM") - before) / 1024)


def _kib(field: str) -> int | None:
    """A field of Linux's account of this process."""
    if not _STATUS.exists():
        return None
    return int(re.search(rf"^{field}:\s+(\d+)", _STATUS.read_text(), re.M)[1])
