"""Manifests, and clips that lie beside them or in their archives."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec.audio import AudioError
from llm_codec.manifest import COLUMNS, ManifestError, load_clip, read_manifest


def write_manifest(root: Path, rows: list[dict[str, str]], columns: tuple[str, ...]) -> None:
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def archive(tmp_path: Path, tone: Callable[..., np.ndarray]) -> Path:
    """An uncompressed tar of two tones."""
    path = tmp_path / "tones.tar"
    with tarfile.open(path, "w") as tar:
        for hertz in (200, 400):
            soundfile.write(tmp_path / "clip.flac", tone(hertz, 0.25, 8000), 8000)
            tar.add(tmp_path / "clip.flac", f"{hertz}.flac")
    return path


def test_rows_keep_order_and_extra_columns(tmp_path: Path) -> None:
    row = dict.fromkeys(COLUMNS, "x")
    rows = [row | {"path": name, "licence": "CC0"} for name in ("b.wav", "a.wav", "ü, c.wav")]
    write_manifest(tmp_path, rows, (*COLUMNS, "licence"))
    assert read_manifest(tmp_path) == rows


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, [{"path": "a.wav", "label": "x"}], ("path", "label"))
    with pytest.raises(ManifestError, match="has no column source, split, label_kind"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00"])
def test_what_is_no_manifest_is_one_clear_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "manifest.csv").write_bytes(content)
    with pytest.raises(ManifestError, match="manifest.csv") as caught:
        read_manifest(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_plain_file_is_loaded(tone_file: Callable[..., Path], tone: Callable) -> None:
    wave = load_clip(tone_file(330))
    assert wave.dtype == np.float32
    assert np.allclose(wave, tone(330), atol=1e-4)
    with pytest.raises(AudioError, match="nothing.wav"):
        load_clip(tone_file(330).with_name("nothing.wav"))


def test_a_member_is_resampled(archive: Path) -> None:
    wave = load_clip(archive / "400.flac")
    assert wave.shape == (4000,) and wave.dtype == np.float32
    assert load_clip(archive / "400.flac", 8000).shape == (2000,)
    peak = np.abs(np.fft.rfft(wave)).argmax() * 16000 / len(wave)
    assert abs(peak - 400) <= 4


def test_stereo_members_are_downmixed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "two.wav", np.tile([0.5, 0.1], (800, 1)), 16000, subtype="FLOAT")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "two.wav", "two.wav")
    assert np.allclose(load_clip(tmp_path / "a.tar" / "two.wav"), 0.3, atol=1e-6)


def test_missing_archives_and_members_are_named(archive: Path) -> None:
    with pytest.raises(ManifestError, match="999.flac"):
        load_clip(archive / "999.flac")
    with pytest.raises(ManifestError, match="none.tar is not there"):
        load_clip(archive.with_name("none.tar") / "200.flac")


def test_a_damaged_archive_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.tar").write_bytes(b"not a tar" * 100)
    with pytest.raises(ManifestError, match="cannot be read from its archive"):
        load_clip(tmp_path / "bad.tar" / "a.flac")
    (tmp_path / "a.txt").write_text("not audio")
    with tarfile.open(tmp_path / "text.tar", "w") as tar:
        tar.add(tmp_path / "a.txt", "a.wav")
    with pytest.raises(ManifestError, match="a.wav cannot be read from its archive"):
        load_clip(tmp_path / "text.tar" / "a.wav")
