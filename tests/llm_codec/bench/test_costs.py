"""Times and memory: kept on lines of their own; a thousand clips take no more than a few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec.bench import costs


def test_factors_are_seconds_of_work_for_a_second_of_audio():
    clips = [{"clip": name, "seconds": seconds, "rows": [
        {"codec": "x", "cost": {"encode_s": 0.5, "decode_s": 1.0}}, {"codec": "y", "error": "no"}]}
        for name, seconds in (("a", 1.0), ("b", 3.0))]
    x, y, *each = costs.costs(clips, ["x", "y"], {"x": 7})
    assert (x["rtf_encode"], x["rtf_decode"], x["peak_mib"]) == (0.25, 0.5, 7)
    assert y == {"line": "cost", "codec": "y", "peak_mib": None}
    assert [line["clip"] for line in each] == ["a", "b"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_memory_is_of_the_codec_alone(codec, tmp_path):
    codec.save_pretrained(tmp_path)
    found = costs.peak_memory([str(tmp_path)])
    assert 0 < found[str(tmp_path)] < 400  # a process with PyTorch takes about that by itself


def rss(pid: int) -> dict[int, int]:
    """MiB of a process and of all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(path.name)] = (int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    family = {pid}
    while more := {child for child, (parent, _) in parents.items() if parent in family} - family:
        family |= more
    return {member: parents[member][1] >> 20 for member in family if member in parents}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells")
def test_a_thousand_clips_take_no_more_memory_than_two_hundred(tmp_path, make_voice):
    data = tmp_path / "data"
    data.mkdir()
    for number in range(1000):
        seconds = 0.5 + 2 * np.random.default_rng(number).random()
        soundfile.write(data / f"{number:04}.wav", make_voice(seconds, number), 16000)
    (data / "0500.wav").write_bytes(b"not audio")
    record = tmp_path / "r.jsonl"
    command = ["bench", "--data", data, "--codecs", "pocket,mulaw", "--jobs", 2, "--json", record]
    process = subprocess.Popen([sys.executable, "-m", "llm_codec.cli", *map(str, command)],
                               stdout=subprocess.DEVNULL)
    part, found = tmp_path / "r.jsonl.part", {}
    while process.poll() is None:
        if part.exists():
            done = part.read_bytes().count(b"\n") - 1
            found[done // 100] = max(sum(rss(process.pid).values()), found.get(done // 100, 0))
        time.sleep(0.5)
    print({100 * hundreds: f"{mib} MiB" for hundreds, mib in sorted(found.items())})
    assert process.returncode == 1  # one clip could not be read
    lines = [json.loads(line) for line in record.read_text("utf-8").splitlines()]
    assert lines[1]["clips"] == 999 and lines[1]["unreadable"] == 1
    early = max(mib for hundreds, mib in found.items() if hundreds in (1, 2))
    late = max(mib for hundreds, mib in found.items() if hundreds in (8, 9))
    assert late < 1.05 * early
