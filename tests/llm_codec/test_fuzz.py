"""Damaged files of every kind, a few hundred of them; tests/fuzz.py takes thousands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import audio
from llm_codec.audio import AudioError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_are_read_or_refused_in_one_line(seed: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "fuzz.py", "--count", "300", "--seed", str(seed)],
        capture_output=True, text=True, timeout=240, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "300 files" in done.stdout and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("rate", [1, 2, 999, 2**31 - 1])
def test_a_rate_that_turns_seconds_into_hours_is_refused(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), rate)
    with pytest.raises(AudioError, match=f"a.wav says {rate} Hz; expected 1000 to"):
        audio.load(tmp_path / "a.wav")


def test_numbers_too_large_to_add_are_refused(tmp_path: Path) -> None:
    wave = np.full((4000, 2), 3e38)
    soundfile.write(tmp_path / "a.wav", wave, 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match="a.wav holds 8000 NaN or infinite samples"):
        audio.load(tmp_path / "a.wav")


def test_a_header_that_promises_days_of_sound_brings_none(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros(8000), 16000)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the four highest of the 36 bits that count the samples
    content[22:26] = b"\xff" * 4
    path.write_bytes(content)
    assert soundfile.info(path).frames == 2**36 - 1
    try:
        assert len(audio.load(path)) == 8000  # where so much memory can be promised
    except AudioError as error:
        assert "a.flac cannot be read as audio" in str(error) and "\n" not in str(error)
