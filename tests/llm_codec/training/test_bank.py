"""Clips are decoded once, and only those that are asked for."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from llm_codec.manifest import _members, load_clip
from llm_codec.training.bank import ClipBank
from llm_codec.training.corpus import Corpus, open_corpus


def test_the_bank_holds_every_clip_as_it_is(corpus: Path, bank: ClipBank) -> None:
    for number, row in enumerate(bank.rows):
        wave, clip = load_clip(corpus / row["path"]), bank.clip(number)
        assert clip.shape == wave.shape and clip.dtype == np.float32
        assert np.abs(clip - wave).max() < 1e-4


def test_clips_are_decoded_once(
    source: Corpus, rows: list, tmp_path: Path
) -> None:
    decoded = []
    counted = dataclasses.replace(source, load=lambda *a: decoded.append(a) or source.load(*a))
    first = ClipBank(counted, rows, tmp_path)
    again = ClipBank(counted, rows, tmp_path)
    assert len(decoded) == len(rows) and np.array_equal(first.samples, again.samples)
    fewer = ClipBank(counted, rows[1:], tmp_path)
    assert len(decoded) == 2 * len(rows) - 1
    assert np.array_equal(fewer.clip(0), first.clip(1))


def test_an_interrupted_decode_is_done_again_and_leaves_nothing(
    source: Corpus, rows: list, tmp_path: Path
) -> None:
    loaded = []

    def stop(row: dict, rate: int) -> np.ndarray:
        if loaded:
            raise KeyboardInterrupt
        loaded.append(row)
        return source.load(row, rate)

    with pytest.raises(KeyboardInterrupt):
        ClipBank(dataclasses.replace(source, load=stop), rows, tmp_path)
    assert loaded and not list(tmp_path.iterdir())
    assert len(ClipBank(source, rows, tmp_path).clip(0)) > 0


def test_no_clips_is_one_clear_error(source: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no clips of the split"):
        ClipBank(source, [], tmp_path)


def test_labels_group_clips_that_sound_alike(bank: ClipBank) -> None:
    groups = bank.labelled()
    assert set(groups) == {("tones", "low"), ("tones", "high")}
    for (_, label), numbers in groups.items():
        assert len(numbers) == 6
        assert all(bank.rows[number]["label"] == label for number in numbers)


def test_only_the_rows_given_are_read(source: Corpus, rows: list, tmp_path: Path) -> None:
    read = []
    noted = dataclasses.replace(source, load=lambda *a: read.append(a[0]) or source.load(*a))
    bank = ClipBank(noted, rows[:3], tmp_path)
    assert read == bank.rows == rows[:3]


def test_a_longer_clip_counts_as_longer(bank: ClipBank) -> None:
    assert bank.seconds(0) == pytest.approx(0.4) and bank.seconds(12) == pytest.approx(1.25)


def test_a_file_that_was_mended_under_its_name_is_read_again(
    corpus: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(corpus, tmp_path / "corpus"))
    source = open_corpus(str(copy), "train", "dev")
    rows = source.part("train")[:2]
    before = ClipBank(source, rows, tmp_path / "cache").seconds(0)
    soundfile.write(copy / rows[0]["path"], np.zeros(32000), 16000)
    assert ClipBank(source, rows, tmp_path / "cache").seconds(0) == 2.0 != before


def test_another_data_set_under_the_same_name_is_read_again(
    source: Corpus, rows: list, tmp_path: Path
) -> None:
    ClipBank(dataclasses.replace(source, stamp="a"), rows, tmp_path)
    read = []
    noted = dataclasses.replace(source, stamp="b",
                                load=lambda *a: read.append(a[0]) or source.load(*a))
    ClipBank(noted, rows, tmp_path)
    assert read == rows


@pytest.mark.parametrize("packed", [False, True], ids=["file", "tar"])
def test_other_sound_in_as_many_bytes_is_read_again(
    corpus: Path, tmp_path: Path, packed: bool
) -> None:
    copy = Path(shutil.copytree(corpus, tmp_path / "corpus"))
    source = open_corpus(str(copy), "train", "dev")
    row = source.part("train")[0]
    file = copy / row["path"]
    if packed:
        row["path"] = f"all.tar/{file.name}"
        pack(file, copy / "all.tar", 1)
    before = ClipBank(source, [row], tmp_path / "cache").clip(0)
    soundfile.write(file, -before, 16000)
    os.utime(file, (2, 2))  # a clock that ticks in hours is no excuse
    if packed:
        pack(file, copy / "all.tar", 2)
        _members.cache_clear()
    after = ClipBank(source, [row], tmp_path / "cache").clip(0)
    assert np.abs(after + before).max() < 1e-3 < np.abs(after).max()


def pack(file: Path, archive: Path, time: int) -> None:
    with tarfile.open(archive, "w") as tar:
        tar.add(file, file.name)
    os.utime(archive, (time, time))
