"""Training audio: the same draw for the same seed and step, and nothing that is held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from llm_codec.manifest import load_clip, read_manifest
from llm_codec.training import data
from llm_codec.training.data import ClipBank, Sampler, augment, level


@pytest.fixture
def rows(corpus: Path) -> list[dict[str, str]]:
    return [r for r in read_manifest(corpus) if r["split"] == "train" and r["speaker"] != "held"]


@pytest.fixture
def bank(corpus: Path, rows: list[dict[str, str]], tmp_path: Path) -> ClipBank:
    return ClipBank(corpus, rows, tmp_path / "cache")


@pytest.fixture
def make_sampler(bank: ClipBank) -> Callable[[int], Sampler]:
    return lambda seed=0: Sampler(bank, 0.48, 16000, seed)


def rms_db(wave: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))


def test_the_bank_holds_every_clip_as_it_is(corpus: Path, bank: ClipBank) -> None:
    for number, row in enumerate(bank.rows):
        wave, clip = load_clip(corpus / row["path"]), bank.clip(number)
        assert clip.shape == wave.shape and clip.dtype == np.float32
        assert np.abs(clip - wave).max() < 1e-4


def test_clips_are_decoded_once(
    corpus: Path, rows: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    monkeypatch.setattr(data, "load_clip", lambda path: decoded.append(path) or load_clip(path))
    first = ClipBank(corpus, rows, tmp_path)
    again = ClipBank(corpus, rows, tmp_path)
    assert len(decoded) == len(rows) and np.array_equal(first.samples, again.samples)
    fewer = ClipBank(corpus, rows[1:], tmp_path)
    assert len(decoded) == 2 * len(rows) - 1
    assert np.array_equal(fewer.clip(0), first.clip(1))


def test_an_interrupted_decode_is_done_again(
    corpus: Path, rows: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Path) -> np.ndarray:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(data, "load_clip", stop)
        ClipBank(corpus, rows, tmp_path)
    assert len(ClipBank(corpus, rows, tmp_path).clip(0)) > 0


def test_no_clips_is_one_clear_error(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no clips of the split"):
        ClipBank(corpus, [], tmp_path)


def test_labels_group_clips_that_sound_alike(bank: ClipBank) -> None:
    groups = bank.labelled()
    assert set(groups) == {("tones", "low"), ("tones", "high")}
    for (_, label), numbers in groups.items():
        assert len(numbers) == 6
        assert all(bank.rows[number]["label"] == label for number in numbers)


def test_without_labels_there_is_one_clear_error(
    corpus: Path, rows: list, tmp_path: Path
) -> None:
    sentences = [row | {"label_kind": "sentence"} for row in rows]
    with pytest.raises(ValueError, match="no label of kind digit.* has two clips"):
        Sampler(ClipBank(corpus, sentences, tmp_path), 0.48, 16000, 0)


def test_draws_follow_seed_and_step_alone(make_sampler: Callable[[int], Sampler]) -> None:
    first, second = make_sampler(3), make_sampler(3)
    second.takes(2, 9), second.crops(1, 4)  # what was drawn before does not matter
    for draw in (lambda s, step: s.crops(3, step).waves, lambda s, step: s.takes(2, step)[0]):
        assert np.array_equal(draw(first, 5), draw(second, 5))
        assert not np.array_equal(draw(first, 5), draw(first, 6))
        assert not np.array_equal(draw(first, 5), draw(make_sampler(4), 5))


def test_crops_have_their_length_and_sound(make_sampler: Callable[[int], Sampler]) -> None:
    crops = np.concatenate([make_sampler(0).crops(4, step).waves for step in range(10)])
    assert crops.shape == (40, 7680) and crops.dtype == np.float32
    assert np.isfinite(crops).all() and np.abs(crops).max(axis=1).min() > 0.001
    assert -45 < min(map(rms_db, crops)) and max(map(rms_db, crops)) < -10


def test_every_source_is_heard(
    bank: ClipBank, make_sampler: Callable[[int], Sampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = set()
    clip = bank.clip
    monkeypatch.setattr(bank, "clip", lambda number: heard.add(number) or clip(number))
    sampler = make_sampler(0)
    for step in range(60):
        sampler.crops(2, step)
    assert heard == set(range(len(bank.rows)))


def test_takes_pair_clips_of_one_label(
    bank: ClipBank, make_sampler: Callable[[int], Sampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, clip = [], bank.clip
    monkeypatch.setattr(bank, "clip", lambda number: heard.append(number) or clip(number))
    sampler = make_sampler(1)
    waves, lengths = sampler.takes(2, step=0)
    assert waves.shape == (4, 15360) and lengths.shape == (4,)
    for wave, length in zip(waves, lengths, strict=True):
        assert 0 < length <= 15360 and not wave[length:].any()
        assert rms_db(wave[:length]) == pytest.approx(-26, abs=0.01)
    for step in range(40):
        sampler.takes(2, step)
    labels = [bank.rows[number]["label"] for number in heard]
    assert labels[::2] == labels[1::2] and set(labels) == {"low", "high"}
    speakers = [bank.rows[number]["speaker"] for number in heard]
    same = np.mean([a == b for a, b in zip(speakers[::2], speakers[1::2], strict=True)])
    assert same < 0.1  # one of three speakers by chance, but another is asked for


def test_labels_are_mostly_of_one_source_and_repeat_where_they_run_out(
    make_sampler: Callable[[int], Sampler],
) -> None:
    sampler = make_sampler(0)
    rows = [sampler.takes(5, step)[0].shape[0] for step in range(60)]
    assert set(rows) == {4, 10}  # both labels of the one source, or five drawn from all
    assert 0.5 < rows.count(4) / len(rows) < 0.9


def test_level_is_reached_and_silence_stays() -> None:
    wave = np.random.default_rng(0).normal(0, 0.01, 1000).astype(np.float32)
    assert rms_db(level(wave, -20)) == pytest.approx(-20, abs=1e-3)
    assert not level(np.zeros(10, np.float32), -20).any()


@pytest.mark.parametrize("samples", [1, 500, 1199, 8000])
def test_augmenting_moves_and_keeps_the_sound(samples: int) -> None:
    draw, wave = np.random.default_rng(0), np.full(samples, 0.1, np.float32)
    lengths = set()
    for _ in range(50):
        changed = augment(wave, draw)
        assert changed.dtype == np.float32 and np.isfinite(changed).all()
        lengths.add(len(changed) - samples)
    slow, fast = round(samples * 0.14) + 1, round(samples * 0.12) + 1
    assert min(lengths) >= -min(1200 + fast, samples - 1) and max(lengths) <= 1200 + slow
    assert len(lengths) > 20
