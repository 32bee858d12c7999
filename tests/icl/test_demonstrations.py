"""Which examples are shown and in which order follows the options and the seed."""

import itertools
import math

import numpy as np
import pytest

from icl import FewShotClassifier
from icl.demonstrations import Choice, likeness, outline, reorder
from icl.llm.transformers import TransformersLLM
from icl.template import PromptError

PAIRS = [(number, label) for number, label in enumerate("aabbbbcc")]
LIKE = [0.1, 0.9, 0.3, 0.8, 0.2, 0.7, 0.5, 0.4]


def sources(pairs):
    return [source for source, _ in pairs]


def test_all_are_shown_as_given_or_shuffled_by_the_seed():
    assert Choice(order="given").pick(PAIRS) == PAIRS
    shuffled = Choice(seed=1).pick(PAIRS)
    assert shuffled == Choice(seed=1).pick(PAIRS) != PAIRS
    assert sorted(shuffled) == PAIRS


def test_balanced_takes_as_many_of_each_label():
    for seed in range(4):
        picked = Choice("balanced", 2, seed=seed).pick(PAIRS)
        assert sorted(label for _, label in picked) == list("aabbcc")
    few = Choice("balanced", 3).pick(PAIRS)
    assert sorted(label for _, label in few) == list("aabbbcc")  # all there are


def test_random_takes_as_many_in_all_whatever_their_labels():
    drawn = [Choice("random", 1, seed=seed).pick(PAIRS) for seed in range(20)]
    assert {len(picked) for picked in drawn} == {3}
    assert any(len({label for _, label in picked}) < 3 for picked in drawn)
    assert len({tuple(picked) for picked in drawn}) > 10


def test_nearest_takes_those_most_like_the_query():
    picked = Choice("nearest", 1, order="given").pick(PAIRS, likeness=LIKE)
    assert sources(picked) == [1, 3, 6]
    unlabelled = [(number, 0) for number in range(8)]  # as where targets are sounds
    assert sources(Choice("nearest", 2, "given").pick(unlabelled, likeness=LIKE)) == [1, 3]


def test_order_follows_likeness():
    last, first = (
        sources(Choice(order=order).pick(PAIRS, likeness=LIKE))
        for order in ("nearest-last", "nearest-first")
    )
    assert last == [0, 4, 2, 7, 6, 5, 3, 1] and first == last[::-1]


def test_each_turn_is_another_order_of_the_same_examples():
    turns = [Choice(seed=2).pick(PAIRS, turn) for turn in range(4)]
    assert all(sorted(turn) == PAIRS for turn in turns)
    assert len({tuple(turn) for turn in turns}) == 4
    assert Choice(seed=2).pick(PAIRS, 3) == turns[3]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
def test_no_order_comes_again_before_all_have_come(size, seed):
    items, possible = "abcd"[:size], math.factorial(size)
    turns = ["".join(reorder(items, seed, turn)) for turn in range(2 * possible)]
    assert turns[0] == items
    for half in (turns[:possible], turns[possible:]):
        assert sorted(half) == sorted(map("".join, itertools.permutations(items)))


def test_an_order_by_likeness_is_kept_in_every_turn():
    choice = Choice(order="nearest-last")
    turns = [sources(choice.pick(PAIRS, turn, LIKE)) for turn in range(4)]
    assert turns == [[0, 4, 2, 7, 6, 5, 3, 1]] * 4


@pytest.mark.parametrize(("settings", "message"), [
    ({"choose": "best"}, "choose is 'best'"), ({"order": "up"}, "order is 'up'"),
    ({"choose": "balanced"}, "per_label is None"),
    ({"per_label": 2}, "per_label is 2, but choose='all' shows all"),
    ({"choose": "nearest", "per_label": 0}, "per_label is 0"),
])
def test_choices_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(PromptError, match=message):
        Choice(**settings)


def test_a_sound_is_most_like_itself_at_another_speed_or_level(codec, tone):
    clips = [codec.encode(tone(hertz, 0.9)) for hertz in (200, 1000, 3000)]
    known = outline(codec, clips)
    assert known.norm(dim=-1).tolist() == pytest.approx([1.0] * 3, abs=1e-5)
    for index, hertz in enumerate((200, 1000, 3000)):
        near = likeness(codec, known, codec.encode(0.3 * tone(hertz, 0.7)))
        assert near.index(max(near)) == index
    assert likeness(codec, known, []) == [0.0] * 3  # no clip is like none


def test_the_query_decides_which_examples_a_classifier_shows(codec, llama, tokenizer, tone):
    pitches = [200, 1000, 3000, 220, 1100, 3300]
    clips = [codec.encode(tone(hertz, 0.3 + hertz / 9000)) for hertz in pitches]
    learner = FewShotClassifier(
        codec, TransformersLLM(llama, tokenizer), choose="nearest", per_label=1,
        order="nearest-last",
    ).fit(clips, ["one"] * 3 + ["two"] * 3)
    for clip in clips:
        segments = learner.show_prompt(clip).segments
        shown = [segment for segment in segments if segment.kind == "audio"]
        assert len(shown) == 3 and shown[1].ids == shown[2].ids, "the clip itself stands last"
        labels = [segment.text for segment in segments if segment.kind == "label"]
        assert sorted(labels) == [" one", " two"]
    rows = learner.predict_proba(clips)
    alone = np.concatenate([learner.predict_proba([clip]) for clip in clips])
    assert rows == pytest.approx(alone, abs=1e-4)
