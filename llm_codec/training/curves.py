"""The curves of a run: losses while training, and what clips held out say of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llm_codec.curves import Curves
from llm_codec.run import read_log
from llm_codec.training.terms import loss_names

USE = ("use", "entropy")  # of the codebooks, over the guard's window
HELD_OUT = ("kept_", "few_shot", "stoi")  # shares measured on clips held out


def draw(log: Path, target: Path) -> None:
    """Draw a log as an SVG picture.

    Args:
        log: ``log.jsonl`` of a run; a step that stands there twice counts as it was last.
        target: file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    rows = read_log(log)
    steps = [row for row in rows if row["kind"] == "train"]
    measured = [row for row in rows if row["kind"] == "evaluation"]
    shares = {"codebooks, %": (steps, USE), "held out, %": (measured, HELD_OUT)}
    curves = Curves(["losses", "mel, held out", *shares])
    for name in loss_names():
        curves.smooth("losses", name, _values(steps, name))
    curves.axes["losses"].set(yscale="log")
    curves.dots("mel, held out", "mel", _values(measured, "mel"))
    for panel, (lines, starts) in shares.items():
        put = curves.smooth if lines is steps else curves.dots
        names = {key for row in lines for key in row if key.startswith(starts)} - {"few_shot_n"}
        for name in sorted(names):
            put(panel, name, _values(lines, name, 100))
        curves.axes[panel].set(ylim=(0, 100))
    curves.save(target)


def _values(rows: Sequence[dict[str, Any]], name: str, factor: float = 1) -> dict[int, float]:
    return {row["step"]: factor * row[name] for row in rows if name in row}
