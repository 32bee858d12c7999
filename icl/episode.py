"""n-way k-shot episodes: balanced, disjoint and seeded."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from icl.tasks.base import Clip, DataError

SPEAKERS = ("any", "same", "other")


@dataclass(frozen=True)
class Episode:
    """One question with its examples.

    Args:
        support: ways * shots examples, shuffled; never the query, unless a file says so.
        query: the clip asked about; its label is among ``labels``.
        labels: the episode's labels, sorted.
    """

    support: tuple[Clip, ...]
    query: Clip
    labels: tuple[str, ...]


def sample_episodes(
    clips: Sequence[Clip],
    ways: int,
    shots: int,
    episodes: int,
    seed: int = 0,
    speakers: str = "any",
) -> list[Episode]:
    """Draw episodes: every label is asked for equally often, and each has ``shots`` examples.

    Clips that cannot be asked about, because too few others fit as examples, are passed over, and
    so are labels that none of their clips can be asked about: they would be wrong every time.

    Args:
        clips: what to draw from.
        ways: labels in an episode, 2 or more.
        shots: examples of each label, 1 or more.
        episodes: how many, 1 or more.
        seed: the same seed draws the same episodes.
        speakers: ``"any"``; ``"same"``: examples are spoken by the query's speaker; ``"other"``:
            never by the query's speaker.

    Raises:
        DataError: the clips cannot give such episodes; the message says what is short.
    """
    _check(clips, ways, shots, episodes, speakers)
    rng = random.Random(seed)
    askable, clips = _askable(clips, ways, shots, speakers)
    return [
        _draw(rng, query, _examples(clips, query, speakers), ways, shots)
        for query in islice(_queries(rng, askable), episodes)
    ]


def unseen(clips: Sequence[Clip], known: Sequence[Clip]) -> list[Clip]:
    """Clips whose label no clip of ``known`` has."""
    labels = {clip.label for clip in known}
    return [clip for clip in clips if clip.label not in labels]


def _askable(
    clips: Sequence[Clip], ways: int, shots: int, speakers: str
) -> tuple[list[Clip], Sequence[Clip]]:
    """Clips that can be asked about, and all clips of their labels."""
    while True:
        found = _fitting(clips, ways, shots, speakers)
        labels = {clip.label for clip in found}
        if len(labels) < 2:
            known = len({clip.label for clip in clips})
            raise DataError(
                f"no {ways}-way {shots}-shot episodes can be drawn from {len(clips)} clips of "
                f"{known} labels: a query needs {ways} labels with {shots} other clips each "
                f"(speakers: {speakers}); ask for fewer ways or shots, or another split"
            )
        kept = [clip for clip in clips if clip.label in labels]
        if len(kept) == len(clips):
            return found, clips
        clips = kept  # of these, too, some may now lack a label


def _fitting(clips: Sequence[Clip], ways: int, shots: int, speakers: str) -> list[Clip]:
    labels = sorted({clip.label for clip in clips})
    of_label = Counter(clip.label for clip in clips)
    of_speaker = Counter((clip.label, clip.speaker) for clip in clips)

    def examples(label: str, query: Clip) -> int:
        same = of_speaker[label, query.speaker]
        if speakers == "other":
            return of_label[label] - same
        return (same if speakers == "same" else of_label[label]) - (label == query.label)

    def fits(query: Clip) -> bool:
        usable = [label for label in labels if examples(label, query) >= shots]
        return query.label in usable and len(usable) >= ways

    return [clip for clip in clips if fits(clip)]


def _queries(rng: random.Random, clips: Sequence[Clip]) -> Iterator[Clip]:
    """Clips to ask about, without end: labels in whole rounds, no clip twice before all once."""
    labels = sorted({clip.label for clip in clips})
    waiting: dict[str, list[Clip]] = {label: [] for label in labels}
    while True:
        for label in rng.sample(labels, len(labels)):
            if not waiting[label]:
                waiting[label] = [clip for clip in clips if clip.label == label]
                rng.shuffle(waiting[label])
            yield waiting[label].pop()


def _examples(clips: Sequence[Clip], query: Clip, speakers: str) -> dict[str, list[Clip]]:
    """Clips that may be examples for ``query``, by label."""
    pool = defaultdict(list)
    for clip in clips:
        same = clip.speaker == query.speaker
        if clip.path != query.path and (speakers == "any" or same == (speakers == "same")):
            pool[clip.label].append(clip)
    return pool


def _draw(
    rng: random.Random, query: Clip, pool: dict[str, list[Clip]], ways: int, shots: int
) -> Episode:
    usable = sorted(label for label, found in pool.items() if len(found) >= shots)
    others = [label for label in usable if label != query.label]
    labels = sorted([query.label, *rng.sample(others, ways - 1)])
    support = [clip for label in labels for clip in rng.sample(pool[label], shots)]
    rng.shuffle(support)
    return Episode(tuple(support), query, tuple(labels))


def _check(clips: Sequence[Clip], ways: int, shots: int, episodes: int, speakers: str) -> None:
    found = len({clip.label for clip in clips})
    if ways < 2 or ways > found:
        raise DataError(f"ways is {ways} but must be 2 to {found}, the number of labels")
    if shots < 1 or episodes < 1:
        raise DataError(f"shots is {shots} and episodes is {episodes}; both must be 1 or more")
    if speakers not in SPEAKERS:
        raise DataError(f"speakers is {speakers!r}; expected one of {', '.join(SPEAKERS)}")
    if speakers != "any" and not all(clip.speaker for clip in clips):
        raise DataError(f"speakers is {speakers!r} but some clips do not name their speaker")
