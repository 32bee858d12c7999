"""Plots of records: shots curves, confusion, reliability."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from icl.evaluation import Record
from icl.evaluation.summary import answered
from icl.report.table import METHODS

LINES = {"mfcc_nearest_mean": "--", "words_nearest_mean": ":"}  # references in shots curves


def figures(records: Sequence[Record]) -> Iterator[tuple[str, Any]]:
    """(name, matplotlib figure) for all that the records have something for.

    Raises:
        ImportError: matplotlib is not installed; the message says how to get it.
    """
    answered = [record for record in records if "accuracy" in record.summary]
    for number, (title, curve) in enumerate(_curves(answered), start=1):
        yield f"shots-{number}", shots_curve(title, curve)
    for number, record in enumerate(answered, start=1):
        yield f"confusion-{number}", confusion(record)
        if "calibration" in record.summary:
            yield f"reliability-{number}", reliability(record)


def shots_curve(title: str, records: Sequence[Record]) -> Any:
    """Accuracy over examples of each label, with 95 % intervals over clips, and references."""
    figure, axes = _figure(5.2, 3.6)
    shots = [record.run["row"]["shots"] for record in records]
    summaries = [record.summary for record in records]
    centre = [summary["accuracy"] for summary in summaries]
    low, high = zip(*(s["clip_bootstrap_interval_95"] for s in summaries), strict=True)
    axes.fill_between(shots, low, high, alpha=0.2)
    axes.plot(shots, centre, marker="o", label="language model")
    for name, style in LINES.items():
        values = [summary["references"].get(name, {}).get("accuracy") for summary in summaries]
        if None not in values:
            axes.plot(shots, values, style, marker=".", label=METHODS[name])
    axes.axhline(summaries[0]["chance"], color="grey", linewidth=0.8, label="chance")
    axes.set(title=title, xlabel="examples of each label", ylabel="right answers", ylim=(0, 1.02))
    axes.set_xticks(shots)
    axes.legend(fontsize=8)
    return figure


def confusion(record: Record) -> Any:
    """Share of answers for every right label; rows sum to 1."""
    asked = answered(record.items)
    counts = Counter((item["gold"], item["predicted"]) for item in asked)
    golds = sorted({gold for gold, _ in counts})
    names = golds + sorted({answer for _, answer in counts} - set(golds))
    totals = Counter(item["gold"] for item in asked)
    shares = [[counts[gold, name] / totals[gold] for name in names] for gold in golds]
    side = max(3.2, 0.36 * len(names) + 1.8)
    figure, axes = _figure(side + 0.8, max(2.8, 0.36 * len(golds) + 1.8))
    image = axes.imshow(shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(golds)), golds, fontsize=7)
    axes.set(title=record.name, xlabel="answer", ylabel="right label")
    axes.title.set_fontsize(9)
    figure.colorbar(image, ax=axes)
    return figure


def reliability(record: Record) -> Any:
    """Accuracy over confidence; a point's area grows with its answers."""
    figure, axes = _figure(4.0, 3.8)
    calibration = record.summary["calibration"]
    confidence, accuracy, count = zip(*calibration["bins"], strict=True)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    sizes = [20 + 300 * share / sum(count) for share in count]
    axes.plot(confidence, accuracy, linewidth=0.8)
    axes.scatter(confidence, accuracy, s=sizes, alpha=0.6)
    axes.set(
        title=f"{record.name}\nexpected calibration error {calibration['ece']:.3f}",
        xlabel="probability given to the answer",
        ylabel="right answers",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )
    axes.title.set_fontsize(9)
    return figure


def _curves(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Records that differ in shots alone, sorted by shots, where there are two or more."""
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in records:
        row = record.run["row"]
        alike = [{**row, "shots": 0, "notes": 0}, record.run["fingerprints"]]  # not in the name
        title = record.name.replace(f" {row['shots']}-shot", "")
        groups[title, json.dumps(alike, sort_keys=True)].append(record)
    found = []
    for (title, _), members in groups.items():
        by_shots = {record.run["row"]["shots"]: record for record in members}
        if len(by_shots) > 1:
            found.append((title, [by_shots[shots] for shots in sorted(by_shots)]))
    return found


def _figure(width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'llm-codec[bench]'") from error
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
