"""A wav file that was cut short is refused: libsndfile would take what is there for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import audio, blocks
from llm_codec.audio import AudioError


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(8000), 16000)
    return path


@pytest.mark.parametrize("load", [
    lambda path: audio.load(path), lambda path: np.concatenate([*blocks.read(path, 16000)])],
    ids=["whole", "by blocks"])
def test_a_wav_file_that_was_cut_is_refused(wav: Path, load: Callable) -> None:
    content = wav.read_bytes()
    assert len(load(wav)) == 8000
    for kept in (60, len(content) // 2, len(content) - 20):
        wav.write_bytes(content[:kept])
        with pytest.raises(AudioError, match=f"a.wav ends after {kept} bytes, but its header says "
                                             f"{len(content)}; copy or convert it again"):
            load(wav)


@pytest.mark.parametrize("size", [b"\xff\xff\xff\xff", b"\x24\xf0\xff\x7f", b"\0\0\0\0"])
def test_sizes_that_a_pipe_leaves_open_are_no_promise(wav: Path, size: bytes) -> None:
    content = wav.read_bytes()
    wav.write_bytes(content[:4] + size + content[8:])
    assert len(audio.load(wav)) == 8000
