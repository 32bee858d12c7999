"""Plots of a record: quality over rate, and bars by kind of audio."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llm_codec.bench.metrics import METRICS
from llm_codec.bench.needs import needs
from llm_codec.bench.summary import ALL
from llm_codec.bench.table import kinds, of_kind
from llm_codec.bench.worker import Line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Middling in lightness, so that they show on white and on black, and apart for the colour-blind.
COLOURS = ("#d1495b", "#2f86c1", "#d98a00", "#2a9d6f", "#8d6cc9", "#a0673c", "#c05fa0", "#7b8794")
MARKERS = "osD^vPX*"
INK = "#010203"  # stands for the text colour of the page
PAPER = {"color": "#24292f", "face": "#ffffff"}


def rate_quality(lines: Sequence[Line]) -> Figure:
    """Quality over measured rate: PESQ and STOI of speech, mel distance of each kind.

    Rates of one family are joined; bars are 95 % intervals over clips.
    """
    found = [kind for kind in kinds(lines) if kind != ALL]
    spoken = [kind for kind in found if kind in ("speech", "unknown")][:1]
    panels = [(kind, name) for kind in spoken for name in ("pesq_wb", "stoi")]
    panels += [(kind, "mel") for kind in found]
    figure, axes = _figure(len(panels))
    for axis, (kind, name) in zip(axes, panels):
        _points(axis, lines, kind, name)
    for axis in axes[len(panels):]:
        axis.set_visible(False)
    _legend(figure, axes[0])
    return figure


def bars(lines: Sequence[Line]) -> Figure:
    """Mel distance, STFT distance and MCD of every codec, by kind of audio."""
    import numpy as np

    found = [kind for kind in kinds(lines) if kind != ALL]
    names = ("mel", "stft", "mcd")
    figure, axes = _figure(len(names))
    styles = _styles(lines)
    for axis, name in zip(axes, names):
        for number, spec in enumerate(styles):
            rows = [_row(lines, spec, kind) for kind in found]
            values = [(row["metrics"][name]["mean"] or 0.0) if name in row["metrics"] else 0.0
                      for row in rows]
            width = 0.84 / len(styles)
            places = np.arange(len(found)) + (number - (len(styles) - 1) / 2) * width
            axis.bar(places, values, 0.9 * width, color=styles[spec]["color"], label=spec,
                     alpha=styles[spec]["alpha"])
        axis.set_xticks(range(len(found)), found)
        axis.set_title(f"{METRICS[name].title} (lower is better)", loc="left", fontsize=9)
    _legend(figure, axes[0])
    return figure


def svg(figure: Figure, inline: bool) -> str:
    """The figure as text; the same for the same figure.

    Args:
        figure: closed by this.
        inline: for a page whose text colour it takes; else black on white, a file of its own.
    """
    plt = needs("matplotlib.pyplot")
    buffer = io.StringIO()
    with plt.rc_context({"svg.hashsalt": "llm-codec", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None},
                       facecolor="none" if inline else PAPER["face"])
    plt.close(figure)
    text = buffer.getvalue()
    text = text.replace(INK, "currentColor" if inline else PAPER["color"])
    return re.sub(r"^.*?(?=<svg)", "", text, flags=re.S) if inline else text


def _figure(panels: int) -> tuple[Figure, list[Axes]]:
    plt = needs("matplotlib.pyplot")
    plt.switch_backend("agg")
    columns = min(panels, 3)
    rows = -(-panels // columns)
    style = {"text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
             "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
             "font.family": "sans-serif", "font.size": 9, "axes.titlesize": 10,
             "axes.facecolor": "none", "axes.linewidth": 0.6}
    with plt.rc_context(style):
        figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 2.9 * rows + 0.6),
                                    squeeze=False, layout="constrained")
    found = [*axes.flat]
    for axis in found:
        axis.grid(axis="y", alpha=0.25, linewidth=0.5)
        axis.set_axisbelow(True)
    return figure, found


def _styles(lines: Sequence[Line]) -> dict[str, dict[str, Any]]:
    """Colour and marker by codec: a colour a family, paler at its lower rates."""
    specs = list(dict.fromkeys(row["codec"] for row in of_kind(lines, "summary")))
    families = list(dict.fromkeys(map(_family, specs)))
    order = {family: number for number, family in enumerate(
        sorted(families, key=lambda name: name in ("identity", "mulaw")))}
    styles = {}
    for spec in specs:
        number = order[_family(spec)]
        members = [other for other in specs if _family(other) == _family(spec)]
        shade = 0.45 + 0.55 * (members.index(spec) + 1) / len(members)
        styles[spec] = {"color": COLOURS[number % len(COLOURS)], "alpha": shade,
                        "marker": MARKERS[number % len(MARKERS)]}
    return styles


def _points(axis: Axes, lines: Sequence[Line], kind: str, name: str) -> None:
    styles = _styles(lines)
    for family in dict.fromkeys(map(_family, styles)):
        rows = [_row(lines, spec, kind) for spec in styles if _family(spec) == family]
        shown = [(row["bits_per_second"], row["metrics"][name]) for row in rows
                 if row["metrics"].get(name, {}).get("mean") is not None]
        if not shown:
            continue
        style = styles[rows[0]["codec"]]
        rates, means = [rate for rate, _ in shown], [metric["mean"] for _, metric in shown]
        ends = [metric["interval_95"] or 2 * [metric["mean"]] for _, metric in shown]
        spans = [[mean - low for mean, (low, _) in zip(means, ends)],
                 [high - mean for mean, (_, high) in zip(means, ends)]]
        axis.errorbar(rates, means, spans, color=style["color"], marker=style["marker"],
                      markersize=6, linewidth=1.1, elinewidth=0.9, capsize=2, label=family)
    axis.set_xscale("log")
    axis.set_xlabel("bit/s, measured")
    better = "higher" if METRICS[name].higher else "lower"
    axis.set_title(f"{METRICS[name].title}, {kind} ({better} is better)", loc="left", fontsize=9)


def _legend(figure: Figure, axis: Axes) -> None:
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 8),
                  frameon=False, labelcolor=INK, fontsize=8)


def _family(spec: str) -> str:
    return spec.partition("@")[0]


def _row(lines: Sequence[Line], spec: str, kind: str) -> Line:
    return next(row for row in of_kind(lines, "summary")
                if row["codec"] == spec and row["kind"] == kind)
