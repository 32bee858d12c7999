"""What to run: rows, given one by one or as a named protocol."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from icl.tasks.base import DataError


@dataclass(frozen=True)
class Row:
    """One run of an evaluation.

    Args:
        task: name of a task.
        ways, shots: labels in an episode, and examples of each.
        repeats: times the examples are written into the prompt.
        seeds: draws of ``limit`` questions, with seeds 0, 1, ...
        limit: questions of one seed; 0 takes all of an episode file.
        split: of the task.
        speakers: see `icl.episode.sample_episodes`.
        labels: ``"all"``, or ``"unseen"``: those that the split ``train`` does not have.
        orders: other orders of the examples to try for every question.
        seconds: of every clip: cut from its start, or filled up with zeros; 0 leaves clips whole.
        episodes: path of an episode file to read instead of drawing; empty draws.
        settings: of the learner, beside ``repeats``: template, scales, ...
        notes: what a protocol says of the row; carried into the record.
    """

    task: str
    ways: int = 2
    shots: int = 1
    repeats: int = 1
    seeds: int = 1
    limit: int = 500
    split: str = "dev"
    speakers: str = "any"
    labels: str = "all"
    orders: int = 0
    seconds: float = 0.0
    episodes: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Names the row, e.g. ``fsdd 2-way 1-shot``; settings are named where they are given."""
        drawn = [f"{self.ways}-way", f"{self.shots}-shot"]
        parts = [self.task, *([Path(self.episodes).name] if self.episodes else drawn)]
        parts += [f"{self.repeats} times"] if self.repeats > 1 else []
        parts += [f"{self.speakers} speakers"] if self.speakers != "any" else []
        parts += [f"{self.labels} labels"] if self.labels != "all" else []
        parts += [f"cut to {self.seconds:g} s"] if self.seconds else []
        return " ".join([*parts, *(f"{key} {value}" for key, value in self.settings.items())])

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Protocol:
    """A list of rows under a name.

    Args:
        name: how users ask for it.
        description: what it is, and where its figures are from.
        rows: what to run.
        quoted: published figures that nothing here runs, each with its reason.
    """

    name: str
    description: str
    rows: tuple[Row, ...]
    quoted: tuple[dict[str, Any], ...] = ()


def protocols() -> list[str]:
    """Names of the protocols there are."""
    folder = resources.files("icl.evaluation") / "protocols"
    return sorted(file.name.removesuffix(".json") for file in folder.iterdir())


def load_protocol(name: str, tasks: Sequence[str] = ()) -> Protocol:
    """A protocol, or its rows of some tasks only.

    Raises:
        DataError: there is no such protocol, or it has no row of a task.
    """
    if name not in protocols():
        raise DataError(f"no protocol is called {name!r}; there are {', '.join(protocols())}")
    file = resources.files("icl.evaluation") / "protocols" / f"{name}.json"
    given = json.loads(file.read_text(encoding="utf-8"))
    filled = [{**given.get("defaults", {}), **row} for row in given["rows"]]
    rows = [
        Row(**{**row, "notes": {**row.get("notes", {}), "protocol": name}}) for row in filled
    ]
    known = {row.task for row in rows}
    if lacking := sorted(set(tasks) - known):
        raise DataError(f"protocol {name} has no row of {lacking}; it has {sorted(known)}")
    kept = tuple(row for row in rows if not tasks or row.task in tasks)
    return Protocol(name, given["description"], kept, tuple(given.get("quoted", ())))
