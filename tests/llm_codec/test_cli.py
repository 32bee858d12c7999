"""The command line: files in, files out, and one line for a file that cannot be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import LLMCodec, Vocabulary, audio
from llm_codec.cli import main
from llm_codec.codes import Codes

ROOT = Path(__file__).resolve().parents[2]
WORDS = Vocabulary([[f"{scale}{code}" for code in range(20)] for scale in "abc"])


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("codec")
    LLMCodec.tiny(WORDS, decoder="waveform").save_pretrained(folder)  # which draws noise
    return str(folder)


@pytest.fixture
def run(codec: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command with the tiny codec; gives exit code, stdout and stderr."""

    def run(command: str, *arguments: object) -> tuple[int, str, str]:
        chosen = ["--codec", codec] if command in ("encode", "decode") else []
        code = main([command, *map(str, arguments), *chosen])
        return code, *capsys.readouterr()

    return run


def write(path: Path, samples: np.ndarray | None = None, rate: int = 16000, **kwargs: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if samples is None:
        samples = 0.3 * np.sin(np.arange(5000) / 7)
    soundfile.write(path, samples, rate, **kwargs)
    return path


def assert_one_line(err: str, *parts: str) -> None:
    assert err.startswith("llm-codec: error: ") and err.endswith("\n") and err.count("\n") == 1
    assert "Traceback" not in err
    for part in parts:
        assert part in err


def test_encode_then_decode_gives_the_same_length(run, tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav")
    assert run("encode", source) == (0, f"{source} -> {tmp_path / 'a.lcc'}\n", "")
    first, second = tmp_path / "b.wav", tmp_path / "c.flac"
    for target in (first, second):
        assert run("decode", tmp_path / "a.lcc", "-o", target)[0] == 0
        assert len(audio.load(target)) == 5000
    assert np.array_equal(audio.load(first), audio.load(second))


def test_decode_gives_the_same_bytes_for_the_same_seed_alone(run, tmp_path: Path) -> None:
    run("encode", write(tmp_path / "a.wav"))
    first, same, other = (tmp_path / name for name in ("b.wav", "c.wav", "d.wav"))
    for path, seed in ((first, 7), (same, 7), (other, 8)):
        assert run("decode", tmp_path / "a.lcc", "-o", path, "--seed", seed)[0] == 0
    assert first.read_bytes() == same.read_bytes()
    assert not np.array_equal(audio.load(first), audio.load(other))  # bytes: the comment differs


@pytest.mark.parametrize("rate", [8000, 96000])
@pytest.mark.parametrize("channels", [1, 8])
def test_any_rate_and_channels(run, tmp_path: Path, rate: int, channels: int) -> None:
    source = write(tmp_path / "a.wav", np.full((rate // 2, channels), 0.1), rate)
    code, _, err = run("encode", source)
    assert (code, err) == (0, "")
    assert int(Codes.load(tmp_path / "a.lcc").num_samples) == 8000


@pytest.mark.parametrize("samples", [np.full(1, 0.5), np.zeros(4000), np.zeros(1)])
def test_short_and_silent_clips(run, tmp_path: Path, samples: np.ndarray) -> None:
    source = write(tmp_path / "a.wav", samples)
    assert run("encode", source)[::2] == (0, "")
    assert run("decode", tmp_path / "a.lcc", "-o", tmp_path / "b.wav")[::2] == (0, "")
    assert len(audio.load(tmp_path / "b.wav")) == len(samples)


def broken(folder: Path, name: str) -> Path:
    path = folder / f"{name}.wav"
    if name == "empty":
        path.touch()
    elif name == "text":
        path.write_text("once upon a time")
    elif name == "none":
        write(path, np.zeros(0))
    elif name == "nan":
        write(path, np.array([0.1, np.nan]), subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "check the path"),
        ("empty", "empty file"),
        ("text", "cannot be read as audio"),
        ("none", "no samples"),
        ("nan", "NaN"),
    ],
)
@pytest.mark.parametrize("command", ["encode", "info"])
def test_bad_audio_is_one_line(run, tmp_path: Path, command: str, name: str, message: str) -> None:
    path = broken(tmp_path, name)
    before = sorted(tmp_path.iterdir())
    code, out, err = run(command, path)
    assert (code, out) == (1, "")
    assert_one_line(err, str(path), message)
    assert sorted(tmp_path.iterdir()) == before


def test_bad_codes_are_one_line(run, tmp_path: Path) -> None:
    run("encode", write(tmp_path / "a.wav"))
    path = tmp_path / "a.lcc"
    path.write_bytes(path.read_bytes()[:-5])
    for command in (["decode", path, "-o", tmp_path / "b.wav"], ["info", path]):
        code, out, err = run(*command)
        assert (code, out) == (1, "")
        assert_one_line(err, str(path), "damaged or cut short")
    assert not (tmp_path / "b.wav").exists()


def test_codes_of_another_codec_are_refused(run, tmp_path: Path) -> None:
    LLMCodec.tiny(WORDS, seed=1).encode(write(tmp_path / "a.wav")).save(tmp_path / "a.lcc")
    code, _, err = run("decode", tmp_path / "a.lcc", "--force")
    assert code == 1
    assert_one_line(err, "codec")


def test_a_batch_file_is_sent_to_python(run, codec: str, tmp_path: Path) -> None:
    codes = LLMCodec.from_pretrained(codec).encode(np.ones((2, 1, 100), np.float32))
    codes.save(tmp_path / "a.lcc")
    code, _, err = run("decode", tmp_path / "a.lcc")
    assert code == 1
    assert_one_line(err, "holds 2 clips")


def test_nothing_is_overwritten_without_force(run, tmp_path: Path) -> None:
    source = write(tmp_path / "a.wav")
    (tmp_path / "a.lcc").write_text("mine")
    code, out, err = run("encode", source)
    assert (code, out) == (1, "")
    assert_one_line(err, "a.lcc exists", "--force")
    assert (tmp_path / "a.lcc").read_text() == "mine"
    assert run("encode", source, "--force")[0] == 0
    assert len(Codes.load(tmp_path / "a.lcc")) == 1


def test_a_full_disk_leaves_nothing_behind(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.wav")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = run("encode", source)
    assert code == 1
    assert_one_line(err, f"{tmp_path / 'a.lcc'}: No space left on device")
    assert list(tmp_path.iterdir()) == [source]


def test_an_interrupt_leaves_the_old_file(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write(tmp_path / "a.wav")
    (tmp_path / "a.lcc").write_text("old")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    code, _, err = run("encode", source, "--force")
    assert code == 130
    assert_one_line(err, "interrupted")
    assert (tmp_path / "a.lcc").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.lcc", "a.wav"]


@pytest.mark.parametrize(("given", "made"), [("a.wav", "b.lcc"), ("a.lcc", "b.wav")])
def test_a_kill_before_the_rename_leaves_the_old_file(
    run, codec: str, tmp_path: Path, given: str, made: str
) -> None:
    run("encode", write(tmp_path / "a.wav"))
    (tmp_path / made).write_bytes(b"old")
    command = ["encode" if made == "b.lcc" else "decode", tmp_path / given, "--force"]
    code = ("import os, sys, llm_codec.cli\n"
            f"os.replace = lambda *_: os.kill(os.getpid(), {signal.SIGKILL:d})\n"
            "llm_codec.cli.main(sys.argv[1:])")
    words = [*command, "-o", tmp_path / made, "--codec", codec]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, timeout=240, check=False)
    assert done.returncode == -signal.SIGKILL and (tmp_path / made).read_bytes() == b"old"
    (new,) = (path.read_bytes() for path in tmp_path.glob(f".{made}.*.tmp"))  # and all written
    assert run(*command, "-o", tmp_path / made)[0] == 0  # a next run does not mind it
    assert (tmp_path / made).read_bytes() == new


def test_a_folder_keeps_its_tree_and_goes_on_after_a_bad_file(run, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav")
    write(tmp_path / "in" / "sub" / "b.flac")
    write(tmp_path / "in" / "sub" / "b.wav")  # would become b.lcc as well
    (tmp_path / "in" / "notes.txt").write_text("not audio, not looked at")
    broken(tmp_path / "in", "text")
    code, out, err = run("encode", tmp_path / "in", "-o", tmp_path / "out", "--json")
    assert code == 1
    lines = [json.loads(line) for line in out.splitlines()]
    assert [Path(line["output"]).relative_to(tmp_path / "out").as_posix() for line in lines] == [
        "a.lcc",
        "sub/b.lcc",
    ]
    assert lines[0]["seconds"] == [0.3125] and lines[0]["words_per_scale"] == [4, 8, 16]
    tally, *errors = err.splitlines(keepends=True)
    assert tally == "llm-codec: 2 done, 0 done before, 2 failed\n" and len(errors) == 2
    assert_one_line(errors[0], "b.lcc was just written")
    assert_one_line(errors[1], "text.wav cannot be read")
    assert run("decode", tmp_path / "out", "-o", tmp_path / "back")[::2] == (0, "")
    assert (tmp_path / "back" / "sub" / "b.wav").is_file()


def test_out_may_be_a_folder(run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert run("encode", write(tmp_path / "a.wav"), "-o", tmp_path / "out")[0] == 0
    assert (tmp_path / "out" / "a.lcc").is_file()


def test_an_empty_folder_is_an_error(run, tmp_path: Path) -> None:
    code, _, err = run("encode", tmp_path)
    assert code == 1
    assert_one_line(err, "holds no files that end in .wav")
