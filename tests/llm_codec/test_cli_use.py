"""The command line: wrong use, help, and what it hands on."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from llm_codec import checkpoint, convert
from llm_codec.cli import main
from llm_codec.codec import LLMCodec

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def not_audio(tmp_path: Path) -> Path:
    path = tmp_path / "text.wav"
    path.write_text("once upon a time")
    return path


def assert_one_line(err: str, *parts: str) -> None:
    assert err.startswith("llm-codec: error: ") and err.endswith("\n") and err.count("\n") == 1
    assert "Traceback" not in err
    for part in parts:
        assert part in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["encode"],
        ["info"],
        ["encode", "{wav}", "-o", "a.mp3"],
        ["encode", "{dir}", "-o", "{wav}"],
        ["decode", "{wav}", "--seed", "x"],
        ["decode", "{wav}", "--seed", "-1"],
        ["decode", "{wav}", "--seed", "99999999999999999999"],
        ["encode", "{wav}", "--colour"],
    ],
)
def test_wrong_use_is_exit_code_2(
    tmp_path: Path,
    tone_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
) -> None:
    wav = tone_file(440)
    filled = [argument.format(wav=wav, dir=tmp_path) for argument in arguments]
    assert main(filled) == 2
    assert_one_line(capsys.readouterr().err)


def test_help_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("encode", "decode", "info", "convert", "train"))


def test_an_unknown_codec_is_one_line(
    tone_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", str(tone_file(440)), "--codec", "purse"]) == 1
    assert_one_line(capsys.readouterr().err, "'purse'", "pocket")


def test_decoding_a_sound_asks_whether_encoding_was_meant(
    tone_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["-o", "other.wav"], ["--force"]):
        assert main(["decode", str(tone_file(440)), *more]) == 2
        assert_one_line(capsys.readouterr().err, "takes .lcc files; did you mean encode?")


def test_debug_shows_the_traceback(
    not_audio: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(not_audio), "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err and "llm-codec: error: " in err


def test_the_program_itself(not_audio: Path) -> None:
    """One real process: nothing but the error line on stderr, warnings of libraries included."""
    process = subprocess.run(
        [sys.executable, "-m", "llm_codec.cli", "info", str(not_audio)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert_one_line(process.stderr, str(not_audio), "cannot be read as audio")


def test_train_hands_its_arguments_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def note(argv: list[str]) -> int:
        seen.append(argv)
        return 0

    training = types.SimpleNamespace(cli=types.SimpleNamespace(main=note))
    monkeypatch.setitem(sys.modules, "llm_codec.training", training)
    assert main(["train", "small.json", "--help"]) == 0
    assert seen == [["small.json", "--help"]]


def test_convert_writes_what_load_released_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codec, asked = LLMCodec.tiny(), []
    monkeypatch.setattr(
        convert, "load_released", lambda path, **words: asked.append((path, words)) or codec
    )
    command = ["convert", "a.pth", "--out", str(tmp_path), "--words", "w.npy", "--tokenizer", "t"]
    assert main(command) == 0
    assert asked == [(Path("a.pth"), {"words": Path("w.npy"), "tokenizer": "t"})]
    stored = checkpoint.load(tmp_path).state
    assert all(torch.equal(stored[name], value) for name, value in codec.state_dict().items())
    assert codec.fingerprint in capsys.readouterr().out
    assert main(command) == 1
    assert_one_line(capsys.readouterr().err, "holds a codec", "--force")
