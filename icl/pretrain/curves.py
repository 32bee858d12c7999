"""The curves of a run: losses while training, and what held-out text says of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from llm_codec import atomic

POINTS = 200  # of a training curve, each the mean of the steps around it


def draw(log: Path, target: Path) -> None:
    """Draw a log as an SVG picture.

    Args:
        log: ``log.jsonl`` of a run; a step that stands there twice counts as it was last.
        target: file to write.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("drawing curves needs pip install 'llm-codec[train]'") from error
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    measured = [row for row in rows if row["kind"] == "evaluation"]
    axes = figure.subplots(1, 2 if measured else 1, squeeze=False)[0]
    _losses(axes[0], rows)
    if measured:
        _shares(axes[1], measured)
    with matplotlib.rc_context({"svg.hashsalt": "curves"}):  # the same log, the same bytes
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    atomic.write_bytes(target, picture.getvalue())


def _losses(axes: object, rows: list[dict]) -> None:
    for kind in ("prose", "games"):
        steps = {row["step"]: row["loss"] for row in rows if row["kind"] == kind}
        if not steps:
            continue
        chunks = np.array_split(np.array(sorted(steps.items())), min(POINTS, len(steps)))
        points = np.array([chunk.mean(axis=0) for chunk in chunks])
        axes.plot(points[:, 0], points[:, 1], label=kind)
    axes.set(title="training", xlabel="step", ylabel="loss, nats", yscale="log")
    axes.legend()


def _shares(axes: object, rows: list[dict]) -> None:
    names = sorted({name for row in rows for name, part in row.items() if isinstance(part, dict)})
    for name in names:
        known = [row for row in rows if name in row]
        axes.plot([row["step"] for row in known], [100 * row[name]["right"] for row in known],
                  marker=".", label=name)
    axes.set(title="held out", xlabel="step", ylabel="targets right, %", ylim=(0, 100))
    axes.legend(fontsize="x-small", ncols=2)
