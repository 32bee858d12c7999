"""What a probe found: the score of each cell, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from icl.evaluation.score import cluster_bootstrap, wilson
from llm_codec import atomic


@dataclass(frozen=True)
class Score:
    """Result of a cell.

    Args:
        right, n: answers (or tokens of free answers) that were right, and all of them.
        chance: accuracy of a uniform guess; None where the answer is free.
        oracle: accuracy of the nearest class mean in the embedding space; None where it has none.
        target: as in `Cell`, already times the oracle's accuracy where it is a share of that.
        texts: (right, all) tokens of each free answer; empty where there are choices.
    """

    right: int
    n: int
    chance: float | None = None
    oracle: float | None = None
    target: float | None = None
    texts: tuple[tuple[int, int], ...] = ()

    @property
    def accuracy(self) -> float:
        """Share that was right."""
        return self.right / self.n

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval; of free answers, a seeded bootstrap over texts.

        Tokens of one text are not independent, so texts are drawn whole. Where all tokens are
        right, or none, that has no width: then it is Wilson, each text counted once.
        """
        if self.texts and 0 < self.right < self.n:
            return cluster_bootstrap(self.texts)
        return wilson(self.accuracy, len(self.texts) or self.n)

    def to_dict(self) -> dict[str, Any]:
        """For a record; of the texts, how many there are (None where there are choices)."""
        low, high = self.interval
        return {**asdict(self), "texts": len(self.texts) or None,
                "accuracy": round(self.accuracy, 4), "interval": [round(low, 4), round(high, 4)]}


@dataclass(frozen=True)
class Record:
    """What a probe found.

    Args:
        llm: fingerprint of the model.
        command, seed, n: how it was asked.
        cells: scores by name.
        prose: perplexity on held-out prose; empty if no text was given.
        versions: of the libraries.
        left_out: why cells were not asked, by name.
    """

    llm: str
    command: str
    seed: int
    n: int
    cells: dict[str, Score] = field(default_factory=dict)
    prose: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write the record as JSON, whole or not at all."""
        values = asdict(self) | {"cells": {k: v.to_dict() for k, v in self.cells.items()}}
        atomic.write_bytes(path, json.dumps({"kind": "probe", **values}, indent=1).encode() + b"\n")

    def table(self) -> str:
        """For people; where there are ``texts``, ``n`` counts the tokens of these."""
        lines = [f"{'cell':<32}{'right, %':>9}  {'95 %':<14}{'n':>6}{'texts':>7}{'chance':>8}"
                 f"{'oracle':>8}{'target':>8}"]
        for name, score in self.cells.items():
            low, high = score.interval
            rest = "".join(f"{'' if part is None else f'{100 * part:.1f}':>8}"
                           for part in (score.chance, score.oracle, score.target))
            span = f"{100 * low:.1f} to {100 * high:.1f}"
            lines.append(f"{name:<32}{100 * score.accuracy:>9.1f}  {span:<14}{score.n:>6}"
                         f"{len(score.texts) or '':>7}{rest}")
        lines += [f"{name:<32}{value:>9.1f}" for name, value in self.prose.items()]
        lines += [f"{name:<32} left out: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)
