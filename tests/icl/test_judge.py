"""The judge names words of a speaker it has no labelled clip of, and tells its own accuracy."""

import numpy as np
import pytest

from icl.judge import Judge

WORDS = {"up": (400, 2400), "down": (2400, 400), "dip": (1500, 500, 1500), "hill": (500, 1500, 500)}


def speak(word: str, speaker: float, take: int, seconds: float = 0.35) -> np.ndarray:
    """A gliding buzz; speakers differ in height of voice and colour, takes in length and noise."""
    rng, points = np.random.default_rng([take, round(1000 * speaker), len(word)]), WORDS[word]
    size = round(16000 * seconds * rng.uniform(0.8, 1.2))
    path = np.interp(np.linspace(0, 1, size), np.linspace(0, 1, len(points)), points)
    phase = 2 * np.pi * np.cumsum(path * speaker) / 16000
    wave = np.sin(phase) + 0.4 * speaker * np.sin(2 * phase) + 0.02 * rng.standard_normal(size)
    return (0.2 * wave).astype(np.float32)


def clips(speakers, takes):
    chosen = [(word, s, take) for s in speakers for word in WORDS for take in range(takes)]
    words, voices = [word for word, _, _ in chosen], [str(s) for _, s, _ in chosen]
    return [speak(*one) for one in chosen], words, voices


@pytest.fixture(scope="module")
def judge():
    return Judge().fit(*clips((0.8, 1.0, 1.2), 8))


def test_it_names_words_of_a_new_speaker(judge):
    waves, labels, _ = clips((1.08,), 10)
    adapted = judge.adapt(waves[::2])
    score = adapted.accuracy(waves[1::2], labels[1::2])
    assert score["n"] == 20 and score["accuracy"] > 0.9


def test_what_clips_pass_through_counts(judge):
    waves, labels, _ = clips((1.1,), 10)
    adapted = judge.adapt(waves)
    turned = adapted.accuracy([wave[::-1] for wave in waves], labels)
    assert turned["accuracy"] < 0.7 < adapted.accuracy(waves, labels)["accuracy"]


def test_a_speaker_may_be_known_through_a_codec_as_well(judge):
    waves, labels, _ = clips((1.1,), 10)
    coded = [np.convolve(wave, [1, 0, 0, 0, -0.9], "same") for wave in waves]
    told = judge.adapt(waves[::2] + coded[::2])
    for heard in (waves, coded):
        assert told.accuracy(heard[1::2], labels[1::2])["accuracy"] > 0.9


def test_getting_to_know_one_speaker_leaves_the_judge_of_another_alone(judge):
    first, second = clips((0.9,), 8), clips((1.4,), 8)
    adapted = judge.adapt(first[0])
    before = adapted.predict(first[0])
    judge.adapt(second[0])
    assert adapted.predict(first[0]) == before


def test_the_shortest_clip_is_named_too(judge):
    adapted = judge.adapt(clips((1.0,), 4)[0])
    assert adapted.predict([np.zeros(1, np.float32)])[0] in WORDS


@pytest.mark.slow
def test_real_digits_of_an_unseen_speaker_are_named(shared_audio):
    from icl import tasks

    train, dev = (tasks.get("fsdd").load(shared_audio, split) for split in ("train", "dev"))
    judge = Judge().fit(
        [c.load() for c in train], [c.label for c in train], [c.speaker for c in train]
    )
    waves = [clip.load() for clip in dev]
    accuracy = judge.adapt(waves[::2]).accuracy(waves[1::2], [c.label for c in dev][1::2])
    assert accuracy["accuracy"] > 0.95
