"""Folders on the command line: what is done is skipped, what fails is listed at the end."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import LLMCodec, Vocabulary
from llm_codec.cli import main
from llm_codec.codes import Codes

WORDS = Vocabulary([[f"{scale}{code}" for code in range(20)] for scale in "abc"])
Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Encodes or decodes a folder with a tiny codec; gives exit code, stdout, lines of stderr."""
    LLMCodec.tiny(WORDS).save_pretrained(tmp_path / "codec")

    def run(command: str, *arguments: object) -> tuple[int, str, list[str]]:
        code = main([command, *map(str, arguments), "--codec", str(tmp_path / "codec")])
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of three clips, one in a folder below."""
    for number, name in enumerate(("a.wav", "b.flac", "sub/c.wav")):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, 0.3 * np.sin(np.arange(4000 + 900 * number) / 7), 16000)
    return tmp_path / "in"


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def stamps(folder: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(folder.rglob("*.lcc"))]


def test_what_is_done_is_skipped_and_counted(run: Run, clips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run("encode", clips, "--out", out)[::2] == (0, [])
    assert list(contents(out)) == ["a.lcc", "b.lcc", "sub/c.lcc"]
    (out / "b.lcc").unlink()
    before = stamps(out)
    code, shown, err = run("encode", clips, "--out", out)
    assert (code, err) == (0, ["llm-codec: 1 done, 2 done before, 0 failed"])
    assert shown == f"{clips / 'b.flac'} -> {out / 'b.lcc'}\n"
    assert [stamp for stamp in stamps(out) if stamp in before] == before
    code, shown, _ = run("encode", clips, "--out", out, "--json")
    assert code == 0 and [json.loads(line)["skipped"] for line in shown.splitlines()] == [True] * 3


def test_force_does_all_again_with_the_same_bytes(run: Run, clips: Path, tmp_path: Path) -> None:
    run("encode", clips, "--out", tmp_path / "out")
    before, old = contents(tmp_path / "out"), stamps(tmp_path / "out")
    assert run("encode", clips, "--out", tmp_path / "out", "--force")[::2] == (0, [])
    assert contents(tmp_path / "out") == before
    assert not set(stamps(tmp_path / "out")) & set(old)


@pytest.mark.parametrize("damage", ["cut", "other codec", "other scales", "older", "foreign"])
def test_what_is_not_done_is_not_overwritten_either(
    run: Run, clips: Path, tmp_path: Path, damage: str
) -> None:
    out = tmp_path / "out"
    run("encode", clips, "--out", out)
    target = out / "b.lcc"
    if damage == "cut":
        target.write_bytes(target.read_bytes()[:-1])
    elif damage == "other codec":
        LLMCodec.tiny(WORDS, seed=1).encode(clips / "b.flac").save(target)
    elif damage == "other scales":
        LLMCodec.from_pretrained(tmp_path / "codec").encode(clips / "b.flac", scales=1).save(target)
    elif damage == "older":
        os.utime(target, (1, 1))
    else:
        target.write_text("mine")
    before = contents(out)
    code, shown, (tally, error) = run("encode", clips, "--out", out)
    assert (code, shown, tally) == (1, "", "llm-codec: 0 done, 2 done before, 1 failed")
    assert "b.lcc exists and is older than" in error and "give --force" in error
    assert contents(out) == before
    assert run("encode", clips, "--out", out, "--force")[0] == 0
    assert len(Codes.load(target).scales) == 3


def test_failures_are_listed_at_the_end(run: Run, clips: Path, tmp_path: Path) -> None:
    for name in ("0.wav", "z.wav"):
        (clips / name).write_text("once upon a time")
    code, shown, err = run("encode", clips, "--out", tmp_path / "out")
    assert code == 1 and len(shown.splitlines()) == 3
    assert err[0] == "llm-codec: 3 done, 0 done before, 2 failed"
    assert len(err) == 3 and "0.wav cannot be read" in err[1] and "z.wav cannot be" in err[2]


def test_decoding_a_folder_skips_sound_of_the_right_length(
    run: Run, clips: Path, tmp_path: Path
) -> None:
    codes, sound = tmp_path / "codes", tmp_path / "sound"
    run("encode", clips, "--out", codes)
    assert run("decode", codes, "--out", sound)[::2] == (0, [])
    (sound / "a.wav").unlink()
    assert run("decode", codes, "-o", sound)[::2] == (
        0, ["llm-codec: 1 done, 2 done before, 0 failed"])
    soundfile.write(sound / "b.wav", np.zeros(10), 16000)
    code, _, err = run("decode", codes, "-o", sound)
    assert code == 1 and len(err) == 2 and "b.wav exists" in err[1]


def test_an_interrupt_still_lists_what_failed(
    run: Run, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clips / "a.wav").write_text("once upon a time")
    real = Codes.save

    def save(self: Codes, path: Path) -> None:
        real(self, path)
        if path.name == "c.lcc":
            raise KeyboardInterrupt

    monkeypatch.setattr(Codes, "save", save)
    code, _, err = run("encode", clips, "--out", tmp_path / "out")
    assert code == 130 and len(err) == 3
    assert "a.wav cannot be read" in err[1] and err[2] == "llm-codec: error: interrupted"


def test_sound_made_in_another_way_is_not_taken_for_done(
    run: Run, clips: Path, tmp_path: Path
) -> None:
    words, out = tmp_path / "words", tmp_path / "sound"
    run("encode", clips, "--out", words)
    assert run("decode", words, "--out", out, "--scales", 1)[0] == 0
    again = run("decode", words, "--out", out, "--scales", 1)
    assert again[0] == 0 and again[2] == ["llm-codec: 0 done, 3 done before, 0 failed"]
    before = contents(out)
    for other in ([], ["--scales", 1, "--seed", 5]):
        code, _, err = run("decode", words, "--out", out, *other)
        assert code == 1 and len(err) == 3 and all("in another way" in line for line in err)
    assert contents(out) == before


def test_a_folder_of_one_file_is_a_folder(run: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "in.wav", 0.3 * np.sin(np.arange(4000) / 7), 16000)
    (tmp_path / "in").mkdir()
    (tmp_path / "in.wav").rename(tmp_path / "in" / "a.wav")
    assert run("encode", tmp_path / "in", "--out", tmp_path / "out")[0] == 0
    code, _, err = run("encode", tmp_path / "in", "--out", tmp_path / "out")
    assert (code, err) == (0, ["llm-codec: 0 done, 1 done before, 0 failed"])


@pytest.mark.parametrize(("error", "line"), [
    (RuntimeError("can't allocate\nmemory"), "llm-codec: error: can't allocate memory"),
    (MemoryError(), "llm-codec: error: MemoryError")])
def test_a_clip_that_memory_cannot_hold_is_one_line_and_the_rest_go_on(
    run: Run, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception,
    line: str,
) -> None:
    real = LLMCodec.encode

    def encode(codec: LLMCodec, source: Path, **more: object) -> Codes:
        if source.name == "a.wav":
            raise error
        return real(codec, source, **more)

    monkeypatch.setattr(LLMCodec, "encode", encode)
    code, _, err = run("encode", clips, "--out", tmp_path / "out")
    assert code == 1 and err == ["llm-codec: 2 done, 0 done before, 1 failed", line]
    assert list(contents(tmp_path / "out")) == ["b.lcc", "sub/c.lcc"]
