"""A voice-like sound, a small folder of clips of each kind, and a command to measure them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec import cli
from llm_codec.bench.worker import one_thread
from llm_codec.manifest import COLUMNS

RATE = 16000
GROUPS = {"speech": "speech", "object": "sound", "instrument": "music"}


def voice(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Float32 (S,): syllables of a gliding harmonic tone with formants, and pauses."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * time + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = np.zeros_like(time)
    for number in range(1, 30):
        hertz = number * pitch
        formants = sum(np.exp(-(((hertz - f) / 180) ** 2)) for f in (500, 1500, 2500))
        wave += (formants + 0.02) * np.sin(number * phase)
    syllables = np.clip(np.sin(2 * np.pi * 2.5 * time), 0, None) ** 0.5
    wave = wave * syllables + 0.002 * draw.standard_normal(len(time))
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """As in a worker: small sums on many threads take long where others compute."""
    with one_thread():
        yield


@pytest.fixture(scope="session")
def make_voice() -> Callable[..., np.ndarray]:
    """Builds a `voice` of so many seconds from a seed."""
    return voice


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Two seconds of `voice`."""
    return voice()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of three clips of each kind, one of train, one that is not audio."""
    root = tmp_path_factory.mktemp("clips")
    rows = []
    for group in GROUPS:
        for number in range(3):
            path = f"dev/{group}{number}.wav"
            (root / "dev").mkdir(exist_ok=True)
            soundfile.write(root / path, voice(0.9, seed=len(rows)), RATE)
            rows.append({"path": path, "source": f"{group}s", "split": "dev", "group": group,
                         "transcript": "oh"})
    soundfile.write(root / "train.wav", voice(0.5), RATE)
    rows.append({"path": "train.wav", "split": "train", "group": "speech"})
    (root / "broken.wav").write_bytes(b"this is not audio")
    rows.append({"path": "broken.wav", "split": "damaged", "group": "speech"})
    soundfile.write(root / "whole.wav", voice(0.9), RATE)
    rows.append({"path": "whole.wav", "split": "damaged", "group": "speech"})
    write_manifest(root, rows)
    return root


def write_manifest(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "group", "transcript"], restval="")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of split dev: tones of three classes by two speakers, noise labelled by level,
    clips without a label, and a source of one class."""
    root = tmp_path_factory.mktemp("classes")
    named = [("tones", f"{hertz}", "tone", "xy"[take % 2]) for hertz in (200, 700, 2500)
             for take in range(4)]
    named += [("tones", "10 dB", "noise", "")] * 2 + [("plain", "", "", "")] * 2
    named += [("calls", "hey", "wake_word", "")] * 3 + [("calls", "hi", "wake_word", "")]
    rows = []
    for number, (source, label, kind, speaker) in enumerate(named):
        draw = np.random.default_rng(number)
        seconds = draw.uniform(0.3, 0.7)
        wave = 0.03 * draw.standard_normal(round(seconds * RATE))
        if kind == "tone":
            wave += 0.2 * np.sin(2 * np.pi * float(label) * np.arange(len(wave)) / RATE)
        soundfile.write(root / f"{number}.wav", wave, RATE)
        rows.append({"path": f"{number}.wav", "source": source, "split": "dev", "label": label,
                     "label_kind": kind, "speaker": speaker, "seconds": f"{seconds:.3f}"})
    write_manifest(root, rows)
    return root


@pytest.fixture
def bench(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    """Runs ``llm-codec bench`` with words and gives exit code, stdout and stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        code = cli.main(["bench", *map(str, words)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def read() -> Callable[[Path], list[dict]]:
    """Reads the lines of a record."""
    return lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def pick() -> Callable[..., list[dict]]:
    """Picks lines of one sort that have the values given."""

    def pick(lines: list[dict], name: str, **wanted: object) -> list[dict]:
        wanted["line"] = name
        return [line for line in lines if all(line.get(k) == v for k, v in wanted.items())]

    return pick
