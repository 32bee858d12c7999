"""A result is a record: the number, its uncertainty, and everything needed to get it again."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_codec import atomic

Z_95 = 1.959964  # two-sided 95 % point of the normal distribution
RESAMPLES = 2000  # of the bootstrap; moves its ends by a few tenths of a per cent


@dataclass(frozen=True)
class Score:
    """Right answers, counted for each clip asked about.

    Args:
        clips: (right answers, times asked) of every clip, in a fixed order.
    """

    clips: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, right: Iterable[bool], clips: Iterable[Hashable]) -> Score:
        """Count answers; ``clips`` names the clip that each was about."""
        counts: dict[Hashable, tuple[int, int]] = {}
        for hit, clip in zip(right, clips, strict=True):
            hits, asked = counts.get(clip, (0, 0))
            counts[clip] = hits + bool(hit), asked + 1
        return cls(tuple(counts.values()))

    @property
    def correct(self) -> int:
        """Right answers."""
        return sum(hits for hits, _ in self.clips)

    @property
    def n(self) -> int:
        """Answers."""
        return sum(asked for _, asked in self.clips)

    @property
    def accuracy(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.correct / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the accuracy (Wilson 1927, eq. 4): 0 <= low <= high <= 1.

        It takes answers for independent, which two about one clip are not; see `clip_interval`.
        """
        spread = Z_95**2 / self.n
        centre = (self.accuracy + spread / 2) / (1 + spread)
        variance = self.accuracy * (1 - self.accuracy) / self.n + spread / (4 * self.n)
        half = Z_95 * math.sqrt(variance) / (1 + spread)
        return max(0.0, centre - half), min(1.0, centre + half)

    @property
    def clip_interval(self) -> tuple[float, float]:
        """95 % percentile interval of the accuracy when the clips asked about are drawn anew.

        Cluster bootstrap (Davison & Hinkley 1997, sec. 3.8), seeded: all answers about a clip
        are drawn together. It cannot foresee what no clip has shown: where all answers are right
        it has no width, and the Wilson interval is the one to quote.
        """
        counts = np.array(self.clips)
        draws = np.random.default_rng(0).integers(len(counts), size=(RESAMPLES, len(counts)))
        hits, asked = counts[draws].sum(axis=1).T
        low, high = np.quantile(hits / asked, (0.025, 0.975))
        return float(low), float(high)

    def to_dict(self) -> dict[str, Any]:
        """Accuracy, counts and both intervals as JSON values."""
        return {
            "accuracy": self.accuracy,
            "n": self.n,
            "interval_95": list(self.interval),
            "clips": len(self.clips),
            "clip_bootstrap_interval_95": list(self.clip_interval),
        }


@dataclass(frozen=True)
class Record:
    """One evaluation.

    Args:
        task, task_version, split: what was asked.
        ways, shots, speakers, seed: how episodes were drawn.
        score: of the language model.
        chance: accuracy of guessing, 0 to 1.
        references: scores of other methods on the same episodes.
        settings: of the learner (template, scales, ...).
        fingerprints: of codec, vocabulary and language model.
        versions: of the libraries in use.
        command: what was typed; empty when called from Python.
        seconds: wall time.
        tokens_run, tokens_saved: tokens the language model computed, and did not compute again.
        items: one entry for each episode.
    """

    task: str
    task_version: int
    split: str
    ways: int
    shots: int
    speakers: str
    seed: int
    score: Score
    chance: float
    references: dict[str, Score]
    settings: dict[str, Any]
    fingerprints: dict[str, str]
    versions: dict[str, str]
    command: str
    seconds: float
    tokens_run: int
    tokens_saved: int
    items: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values; the score's own stand at the top."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        score = fields.pop("score").to_dict()
        references = {name: value.to_dict() for name, value in self.references.items()}
        return {**score, **fields, "references": references}

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def save(self, path: str | Path) -> None:
        """Write the JSON line to ``path``; a reader sees the old file or the whole new one."""
        atomic.write_bytes(path, (self.to_json() + "\n").encode())

    def table(self) -> str:
        """A few lines for people: accuracy, n and both intervals of each method, and chance."""
        rows = {"language model": self.score, **self.references}
        lines = [
            f"{self.task} v{self.task_version} {self.split}, {self.ways}-way {self.shots}-shot, "
            f"speakers {self.speakers}, seed {self.seed}, chance {self.chance:.1%}",
            f"{'method':<20}{'accuracy':>9}{'n':>7}   {'95 % interval':<18}over clips",
        ]
        for name, score in rows.items():
            wilson, clips = map(_ends, (score.interval, score.clip_interval))
            lines.append(f"{name:<20}{score.accuracy:>9.1%}{score.n:>7}   {wilson:<18}{clips}")
        prints = ", ".join(f"{part} {value}" for part, value in self.fingerprints.items())
        return "\n".join([*lines, f"{prints}; {self.seconds:.1f} s"])


def _ends(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{low:.1%} to {high:.1%}"
