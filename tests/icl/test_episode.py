"""Episodes are balanced, disjoint and seeded."""

from collections import Counter
from pathlib import Path

import pytest

from icl.episode import sample_episodes
from icl.tasks.base import Clip, DataError


@pytest.fixture(scope="module")
def clips():
    return [
        Clip(Path(f"{label}_{speaker}_{take}.wav"), label, speaker)
        for label in ("a", "b", "c", "d", "e")
        for speaker in ("ann", "bob", "cid")
        for take in range(4)
    ]


def test_every_label_has_its_shots_and_the_query_is_never_an_example(clips):
    for episode in sample_episodes(clips, ways=3, shots=2, episodes=50):
        counts = Counter(clip.label for clip in episode.support)
        assert dict(counts) == dict.fromkeys(episode.labels, 2)
        assert episode.query.label in episode.labels
        assert episode.query not in episode.support
        assert len(set(episode.support)) == len(episode.support)


def test_answers_are_balanced_over_labels(clips):
    drawn = sample_episodes(clips, ways=2, shots=1, episodes=52)
    counts = Counter(episode.query.label for episode in drawn)
    assert set(counts) == {"a", "b", "c", "d", "e"}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_no_clip_is_asked_about_twice_before_all_were_once(clips):
    queries = [episode.query for episode in sample_episodes(clips, 2, 1, len(clips))]
    assert set(queries) == set(clips)


def test_the_answer_is_at_no_fixed_place_among_the_examples(clips):
    drawn = sample_episodes(clips, ways=2, shots=1, episodes=200)
    first = sum(episode.support[0].label == episode.query.label for episode in drawn)
    assert 70 < first < 130


def test_the_seed_decides(clips):
    first, again, other = (sample_episodes(clips, 2, 1, 20, seed=seed) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize(("speakers", "same"), [("same", True), ("other", False)])
def test_speaker_rules_hold(clips, speakers, same):
    for episode in sample_episodes(clips, 3, 2, 40, speakers=speakers):
        assert all((clip.speaker == episode.query.speaker) == same for clip in episode.support)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ways": 6}, "ways is 6 but must be 2 to 5"),
        ({"ways": 1}, "ways is 1"),
        ({"shots": 0}, "shots is 0"),
        ({"shots": 12}, "with 12 other clips each"),
        ({"episodes": 0}, "episodes is 0"),
        ({"speakers": "mine"}, "any, same, other"),
    ],
)
def test_impossible_episodes_are_refused(clips, settings, message):
    with pytest.raises(DataError, match=message):
        sample_episodes(clips, **{"ways": 2, "shots": 1, "episodes": 5, **settings})


def test_speaker_rules_need_named_speakers():
    clips = [Clip(Path(f"{label}{take}.wav"), label) for label in "ab" for take in range(3)]
    with pytest.raises(DataError, match="do not name their speaker"):
        sample_episodes(clips, 2, 1, 2, speakers="other")


def test_clips_without_enough_others_are_passed_over(clips):
    rare = Clip(Path("a_dan_0.wav"), "a", "dan")  # dan says nothing else
    drawn = sample_episodes([*clips, rare], ways=2, shots=1, episodes=300, speakers="same")
    assert all(episode.query != rare for episode in drawn)
    drawn = sample_episodes([*clips, rare], ways=2, shots=1, episodes=300, speakers="other")
    assert any(rare in episode.support for episode in drawn)


def test_a_label_that_cannot_be_asked_about_is_no_wrong_choice():
    def of(label, speakers):
        return [Clip(Path(f"{label}{n}.wav"), label, who) for n, who in enumerate(speakers)]

    clips = [*of("one", "aabb"), *of("two", "aabb"), *of("three", "ccc")]  # none by two speakers
    drawn = sample_episodes(clips, 2, 2, 20, speakers="other")
    assert {label for episode in drawn for label in episode.labels} == {"one", "two"}
    with pytest.raises(DataError, match="no 3-way 2-shot episodes"):
        sample_episodes(clips, 3, 2, 20, speakers="other")
