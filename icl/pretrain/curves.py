"""The curves of a run: losses while training, and what held-out text says of it."""

from __future__ import annotations

from pathlib import Path

from llm_codec.curves import Curves
from llm_codec.run import read_log


def draw(log: Path, target: Path) -> None:
    """Draw a log as an SVG picture.

    Args:
        log: ``log.jsonl`` of a run; a step that stands there twice counts as it was last.
        target: file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    rows = read_log(log)
    measured = [row for row in rows if row["kind"] == "evaluation"]
    curves = Curves(["training", "held out"] if measured else ["training"])
    for kind in ("prose", "games"):
        steps = {row["step"]: row["loss"] for row in rows if row["kind"] == kind}
        curves.smooth("training", kind, steps)
    curves.axes["training"].set(ylabel="loss, nats", yscale="log")
    if measured:
        _shares(curves, measured)
    curves.save(target)


def _shares(curves: Curves, rows: list[dict]) -> None:
    names = sorted({name for row in rows for name, part in row.items() if isinstance(part, dict)})
    for name in names:
        points = {row["step"]: 100 * row[name]["right"] for row in rows if name in row}
        curves.dots("held out", name, points)
    curves.axes["held out"].set(ylabel="targets right, %", ylim=(0, 100))
