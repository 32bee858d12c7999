"""``--scales``, and long files, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import LLMCodec, Vocabulary, chunks, describe, streaming
from llm_codec.cli import main
from llm_codec.codes import Codes

WORDS = Vocabulary([[f"{scale}{code}" for code in range(20)] for scale in "abc"])


@pytest.fixture
def codec(tmp_path: Path) -> str:
    LLMCodec.tiny(WORDS).save_pretrained(tmp_path / "codec")
    return str(tmp_path / "codec")


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(np.arange(40000) / 7), 16000)
    return tmp_path / "a.wav"


def test_a_file_of_leading_scales(codec: str, sound: Path, capsys) -> None:
    out, few = sound.with_suffix(".lcc"), sound.with_name("few.lcc")
    assert main(["encode", str(sound), "--codec", codec]) == 0
    assert main(["encode", str(sound), "-o", str(few), "--codec", codec, "--scales", "1"]) == 0
    assert len(Codes.load(few).scales) == 1 and few.stat().st_size < out.stat().st_size
    waves = []
    for source, scales in ((few, []), (out, ["--scales", "1"]), (out, [])):
        target = ["-o", str(sound.with_name("b.wav")), "--force"]
        assert main(["decode", str(source), *target, "--codec", codec, *scales]) == 0
        waves.append(sound.with_name("b.wav").read_bytes())
    assert waves[0] == waves[1] != waves[2]


@pytest.mark.parametrize("scales", ["0", "4", "x"])
def test_a_scale_too_many_is_wrong_use(codec: str, sound: Path, capsys, scales: str) -> None:
    assert main(["encode", str(sound), "--codec", codec, "--scales", scales]) == 2
    err = capsys.readouterr().err
    assert err.startswith("llm-codec: error: ") and err.count("\n") == 1
    assert not sound.with_suffix(".lcc").exists()


def test_a_long_file_goes_there_and_back(
    codec: str, sound: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHUNK_BLOCKS", 2)
    monkeypatch.setattr(chunks, "WHOLE_BLOCKS", 3)
    monkeypatch.setattr(describe, "LONG_SECONDS", 1)
    assert main(["encode", str(sound), "--codec", codec]) == 0
    target = sound.with_name("b.flac")
    out = ["-o", str(target), "--codec", codec, "--json"]
    capsys.readouterr()
    assert main(["decode", str(sound.with_suffix(".lcc")), *out]) == 0
    shown = json.loads(capsys.readouterr().out)
    wave, rate = soundfile.read(target)
    assert (len(wave), rate, shown["seconds"]) == (40000, 16000, 2.5)
    assert shown["peak"] == pytest.approx(np.abs(wave).max(), abs=1e-4)
