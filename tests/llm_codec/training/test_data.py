"""Training audio: the same draw for the same seed and step, and nothing that is held out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from llm_codec.config import CodecConfig
from llm_codec.training.bank import ClipBank
from llm_codec.training.data import MOODS, Noise, Sampler, _shares


@pytest.fixture
def make_sampler(bank: ClipBank) -> Callable[[int], Sampler]:
    return lambda seed=0, **more: Sampler(bank, 38400, CodecConfig(), seed, **more)


def rms_db(wave: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(wave.astype(np.float64) ** 2)))


@pytest.mark.parametrize("labels", ["none", "one", "a mood"])
def test_without_labels_takes_are_two_views_of_one_place_of_a_clip(
    bank: ClipBank, make_sampler: Callable, monkeypatch: pytest.MonkeyPatch, labels: str
) -> None:
    for row in bank.rows:
        row["label_kind"] = {"none": "sentence", "one": "word", "a mood": "emotion"}[labels]
        row["label"] = row["label"] and "same"
    draw = np.random.default_rng(0)
    clips = {number: draw.normal(0, 0.1, 64000).astype(np.float32)
             for number in range(len(bank.rows))}
    heard: list[int] = []
    monkeypatch.setattr(bank, "clip", lambda number: heard.append(number) or clips[number])
    monkeypatch.setattr("llm_codec.training.data.augment", lambda wave, _: wave)
    sampler, places = make_sampler(), set()
    for step in range(10):
        heard.clear()
        waves, lengths, whole = sampler.takes(3, step)
        assert heard[::2] == heard[1::2] and len(set(heard)) == 3 and not whole.any()
        assert np.array_equal(waves[::2], waves[1::2]) and set(lengths) == {15360}
        for wave, number in zip(waves[::2], heard[::2], strict=True):
            found = np.correlate(clips[number], wave[:2000])
            places.add(int(found.argmax()))
    assert len(places) == 30  # anywhere in a clip
    monkeypatch.undo()
    one, two, *_ = make_sampler().takes(2, 0)[0]
    assert not np.allclose(one, two)  # each is changed in its own way


def test_one_clip_alone_is_nothing_to_compare(bank: ClipBank, make_sampler: Callable) -> None:
    del bank.rows[1:]
    assert make_sampler().crops(2, 0).waves.any()
    with pytest.raises(ValueError, match="one clip to train on.* or give agreement weight 0"):
        make_sampler().takes(2, 0)


def test_a_crop_of_a_long_clip_begins_where_its_span_says(
    bank: ClipBank, make_sampler: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = np.random.default_rng(0).normal(0, 0.1, 100000).astype(np.float32)
    monkeypatch.setattr(bank, "clip", lambda number: long)
    offsets = set()
    for step in range(5):
        crops = make_sampler().crops(4, step)
        for row, _, start, stop, offset in crops.spans:
            part = long[offset : offset + stop - start]
            assert np.corrcoef(crops.waves[row, start:stop], part)[0, 1] > 0.999
            offsets.add(offset)
    assert len(offsets) == 20 and max(offsets) > 30000


def test_processes_draw_rows_of_their_own(make_sampler: Callable) -> None:
    first, alone, second = (make_sampler(0, **kw) for kw in ({"process": 0}, {}, {"process": 1}))
    assert np.array_equal(first.crops(2, 3).waves, alone.crops(2, 3).waves)
    assert not np.array_equal(first.crops(2, 3).waves, second.crops(2, 3).waves)
    assert not np.array_equal(first.takes(2, 3)[0], second.takes(2, 3)[0])


def test_spans_say_where_each_clip_lies(bank: ClipBank, make_sampler: Callable) -> None:
    crops = make_sampler(0).crops(4, 0)
    assert {span.row for span in crops.spans} == {0, 1, 2, 3}
    for span in crops.spans:
        part, clip = crops.waves[span.row, span.start : span.stop], bank.clip(span.clip)
        assert len(part) <= len(clip)
        if len(part) == len(clip):
            assert np.corrcoef(part, clip)[0, 1] > 0.999


def test_levels_are_drawn_between_the_two(bank: ClipBank, make_sampler: Callable) -> None:
    sampler = make_sampler(0, levels=(-41.0, -40.0))
    crops = [sampler.crops(2, step) for step in range(10)]
    whole = [rms_db(crop.waves[s.row, s.start : s.stop]) for crop in crops for s in crop.spans
             if s.stop - s.start == len(bank.clip(s.clip))]
    assert -41.01 < min(whole) < max(whole) < -39.99 and max(whole) - min(whole) > 0.5


def test_noise_is_heard_and_not_wanted(bank: ClipBank, make_sampler: Callable) -> None:
    clean = make_sampler(0).crops(8, 1)
    assert clean.heard is clean.waves
    noisy = make_sampler(0, noise=Noise(bank, 0.5, (10.0, 10.0))).crops(8, 1)
    assert np.array_equal(noisy.waves, clean.waves) and noisy.spans == clean.spans
    changed = [not np.array_equal(a, b) for a, b in zip(noisy.heard, noisy.waves, strict=True)]
    assert 0 < sum(changed) < 8
    for heard, wanted in zip(noisy.heard[changed], noisy.waves[changed], strict=True):
        assert rms_db(wanted) - rms_db(heard - wanted) == pytest.approx(10, abs=0.1)


def test_draws_follow_seed_and_step_alone(make_sampler: Callable[[int], Sampler]) -> None:
    first, second = make_sampler(3), make_sampler(3)
    second.takes(2, 9), second.crops(1, 4)  # what was drawn before does not matter
    for draw in (lambda s, step: s.crops(3, step).waves, lambda s, step: s.takes(2, step)[0]):
        assert np.array_equal(draw(first, 5), draw(second, 5))
        assert not np.array_equal(draw(first, 5), draw(first, 6))
        assert not np.array_equal(draw(first, 5), draw(make_sampler(4), 5))


def test_crops_have_their_length_and_sound(make_sampler: Callable[[int], Sampler]) -> None:
    crops = np.concatenate([make_sampler(0).crops(4, step).waves for step in range(10)])
    assert crops.shape == (40, 38400) and crops.dtype == np.float32
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
    waves, lengths, whole = sampler.takes(2, step=0)
    assert waves.shape == (4, 15360) and lengths.shape == (4,) and not whole.any()
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


def test_labels_are_mostly_of_one_source(make_sampler: Callable[[int], Sampler]) -> None:
    sampler, rng = make_sampler(0), np.random.default_rng(0)
    sampler.labels, sampler.families = [[0], [1], [2], [3]], ["a", "a", "b", "b"]
    sampler.label_weights = np.full(4, 0.25)
    pairs = [sorted(sampler._labels(2, rng).tolist()) for _ in range(400)]
    alike = np.mean([pair in ([0, 1], [2, 3]) for pair in pairs])
    assert alike == pytest.approx(0.7 + 0.3 / 3, abs=0.06)


def test_no_label_is_drawn_twice_where_they_run_out(
    bank: ClipBank, make_sampler: Callable[[int], Sampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, clip = [], bank.clip
    monkeypatch.setattr(bank, "clip", lambda number: heard.append(number) or clip(number))
    sampler = make_sampler(0)
    for step in range(20):  # five are asked for, and there are two
        heard.clear()
        assert len(sampler.takes(5, step)[0]) == 4
        assert {bank.rows[number]["label"] for number in heard} == {"low", "high"}


def test_a_mood_is_heard_on_the_whole_and_anywhere_in_a_clip(
    bank: ClipBank, make_sampler: Callable[[int], Sampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = np.concatenate([np.zeros(32000), np.ones(32000)]).astype(np.float32)
    for row in bank.rows:
        row["label_kind"] = "emotion" if row["label"] == "low" else row["label_kind"]
    heard: list[int] = []
    monkeypatch.setattr(bank, "clip", lambda number: heard.append(number) or late)
    sampler, sounds = make_sampler(2), {True: set(), False: set()}
    for step in range(30):
        heard.clear()
        waves, _, whole = sampler.takes(2, step)
        kinds = [bank.rows[number]["label_kind"] for number in heard]
        assert whole.tolist() == [kind == "emotion" for kind in kinds]
        for wave, mood in zip(waves, whole.tolist(), strict=True):
            sounds[mood].add(bool(wave.any()))
    assert sounds == {True: {True, False}, False: {False}}  # a word is heard from its beginning


def test_data_sets_are_heard_by_the_root_of_their_size() -> None:
    shares = _shares(["a", "a", "b"], [4, 4, 2], np.zeros(3, bool))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == shares[1] and shares[:2].sum() / shares[2] == pytest.approx(2)
    moody = _shares(["a", "a", "b", "c"], [4, 4, 2, 3], np.arange(4) == 3)
    assert moody[3] == pytest.approx(MOODS) and np.allclose(moody[:3], (1 - MOODS) * shares)
    assert _shares(["c"], [3], np.ones(1, bool)) == pytest.approx(1)
    assert len(_shares([], [], np.zeros(0, bool))) == 0
