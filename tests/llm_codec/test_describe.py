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


def test_a_folder_that_is_no_codec_is_said_to_be_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert f"{tmp_path} is no codec folder" in err and "save_pretrained" in err
    assert err.count("\n") == 1


def test_a_file_of_codes_shows_the_words_of_its_first_second(
    pair: Path, tmp_path: Path, tone, vocabulary: Vocabulary
) -> None:
    codec, path = LLMCodec.from_pretrained(pair), tmp_path / "a.lcc"
    codec.encode(tone(440, seconds=1.7)).save(path)
    assert describe.anything(path)["first_second"] == []  # no preset speaks these words
    found = describe.anything(path, pair)
    assert [len(words) for words in found["first_second"]] == [9, 17, 34]
    codes = codec.encode(tone(440, seconds=1.7))
    first = [scale[0, 0] for scale in codes.scales]
    expected = [words[code] for words, code in zip(vocabulary.scales, first, strict=True)]
    assert [words[0] for words in found["first_second"]] == expected
    assert (found["seconds"], found["samples"]) == ([1.7], [27200])
    assert found["bits_per_word"] == [4, 5, 5] and found["words_per_second"] == 58.33
    assert found["file_bits_per_second"] == round(8 * path.stat().st_size / 1.7, 1)


def test_a_codec_that_speaks_other_words_is_refused(
    pair: Path, tmp_path: Path, tone, capsys: pytest.CaptureFixture[str]
) -> None:
    LLMCodec.tiny(Vocabulary([["a", "b"]] * 3)).encode(tone(440)).save(tmp_path / "a.lcc")
    assert main(["info", str(tmp_path / "a.lcc"), "--codec", str(pair)]) == 1
    assert "does not speak vocabulary" in capsys.readouterr().err


def test_short_clips_show_the_words_they_have(pair: Path, tmp_path: Path, tone) -> None:
    codec, path = LLMCodec.from_pretrained(pair), tmp_path / "a.lcc"
    codec.encode(tone(440, seconds=0.1), scales=2).save(path)
    assert [len(words) for words in describe.anything(path, pair)["first_second"]] == [1, 2]


def test_the_peak_is_the_file_s_own(tmp_path: Path) -> None:
    path, time = tmp_path / "a.wav", np.arange(4800)
    opposite = 0.8 * np.sin(time / 7)
    for samples in (np.stack([opposite, -opposite], axis=1), 0.8 * np.sin(1.5 * time)):
        soundfile.write(path, samples, 48000, subtype="FLOAT")
        assert describe.audio_file(path)["peak"] == pytest.approx(0.8, abs=1e-3)
    soundfile.write(path, 2.5 * opposite, 48000, subtype="FLOAT")
    assert describe.audio_file(path)["peak"] == pytest.approx(2.0, abs=1e-3)
