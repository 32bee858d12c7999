"""Descriptions: of audio, of codes and of codecs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import LLMCodec, Vocabulary, describe
from llm_codec.cli import main


@pytest.fixture
def files(tmp_path: Path, pair: Path) -> dict[str, str]:
    """One target of every kind, by kind."""
    audio, codes = tmp_path / "a.wav", tmp_path / "a.lcc"
    soundfile.write(audio, np.full((800, 2), 0.25), 8000)
    LLMCodec.from_pretrained(pair).encode(audio).save(codes)
    return {"audio": str(audio), "codes": str(codes), "codec": str(pair / "codec")}


def test_every_kind_is_told_apart(files: dict[str, str], vocabulary: Vocabulary) -> None:
    found = {kind: describe.anything(target) for kind, target in files.items()}
    assert {kind: values["kind"] for kind, values in found.items()} == {k: k for k in files}
    assert found["audio"] | {"seconds": 0.1, "sample_rate": 8000, "channels": 2} == found["audio"]
    assert found["codes"]["words_per_scale"] == [2, 4, 8]
    assert found["codes"]["codec"] == found["codec"]["fingerprints"]["weights"]
    assert found["codes"]["vocabulary"] == vocabulary.fingerprint
    assert found["codec"]["words_per_second"] == 58.33
    assert found["codec"]["first_words"][0] == list(vocabulary.scales[0][:5])


def test_the_command_prints_json(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for kind, target in files.items():
        assert main(["info", target, "--json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["kind"] == kind and err == ""


def test_the_command_prints_lines_for_people(
    files: dict[str, str], vocabulary: Vocabulary, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", files["codec"]]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    slow, fast = (" ".join(scale[:5]) for scale in vocabulary.scales[:2])
    assert rows["first_words"].startswith(f"{slow} | {fast}")
    assert "weights " in rows["fingerprints"] and rows["codebook_sizes"] == "16 32 32"


def test_a_missing_file_is_not_asked_of_the_hub() -> None:
    with pytest.raises(FileNotFoundError, match="a.wav is not a file"):
        describe.anything("a.wav")
