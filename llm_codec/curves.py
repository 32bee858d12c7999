"""Curves of a training run as one picture; the same figures give the same bytes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from llm_codec import atomic

POINTS = 200  # of a smoothed curve, each the mean of the steps around it


class Curves:
    """Panels side by side, each with curves by step.

    Args:
        panels: titles.

    Raises:
        ImportError: matplotlib is not installed.
    """

    def __init__(self, panels: Sequence[str]) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError("drawing curves needs pip install 'llm-codec[train]'") from error
        self.figure = Figure(figsize=(4.5 * len(panels), 3.6), layout="constrained")
        found = self.figure.subplots(1, len(panels), squeeze=False)[0]
        self.axes = dict(zip(panels, found, strict=True))
        for title, axes in self.axes.items():
            axes.set(title=title, xlabel="step")

    def smooth(self, panel: str, name: str, values: Mapping[int, float]) -> None:
        """A value of every step, drawn as means of neighbours; no values, no curve."""
        if not values:
            return
        chunks = np.array_split(np.array(sorted(values.items())), min(POINTS, len(values)))
        points = np.array([chunk.mean(axis=0) for chunk in chunks])
        self.axes[panel].plot(points[:, 0], points[:, 1], label=name)

    def dots(self, panel: str, name: str, values: Mapping[int, float]) -> None:
        """A value of some steps, each shown; no values, no curve."""
        if values:
            self.axes[panel].plot(*zip(*sorted(values.items()), strict=True), marker=".",
                                  label=name)

    def save(self, target: Path) -> None:
        """Write an SVG.

        Raises:
            OSError: it cannot be written.
        """
        import matplotlib

        for axes in self.axes.values():
            if axes.has_data():
                axes.legend(fontsize="x-small", ncols=2)
        with matplotlib.rc_context({"svg.hashsalt": "curves"}):
            picture = io.BytesIO()
            self.figure.savefig(picture, format="svg", metadata={"Date": None})
        atomic.write_bytes(target, picture.getvalue())
