"""Summary: means with intervals, by codec and kind or source, and differences to a baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from llm_codec.bench.metrics import METRICS, SPEECH
from llm_codec.bench.needs import needs
from llm_codec.bench.worker import Line

ALL = "all"
_ORDER = ("speech", "sound", "music")  # others behind
RESAMPLES = 2000  # moves the ends of an interval by a few hundredths of its width
DIGITS = 6


def interval(values: Sequence[float], seed: int) -> list[float] | None:
    """95 % percentile bootstrap interval of the mean (Efron and Tibshirani 1993, chapter 13).

    Args:
        values: one a clip.
        seed: of the resamples.

    Returns:
        Low and high end; None for fewer than two clips.
    """
    if len(values) < 2:
        return None
    found = needs("scipy.stats").bootstrap(
        (np.asarray(values),), np.mean, n_resamples=RESAMPLES, method="percentile", batch=100,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return [round(float(found.low), DIGITS), round(float(found.high), DIGITS)]


def kinds(clips: Sequence[Line]) -> list[str]:
    """Kinds of audio, and all of them together where there are several."""
    names = sorted({clip["kind"] for clip in clips}, key=_place)
    return names if len(names) == 1 else [*names, ALL]


def summarise(clips: Sequence[Line], specs: Sequence[str], seed: int) -> list[Line]:
    """A line for each codec and kind: rates, and each metric's mean, interval, n and failures.

    A clip counts as failed for a metric that has no value for it, and for every metric of its kind
    where the codec itself failed; no value is put in its place.

    Args:
        clips: what `Worker.measure` gave, without clips that could not be read.
        specs: codecs in the order of their rows.
        seed: of the bootstrap.
    """
    return [
        {"line": "summary", "codec": spec, "kind": kind,
         **_summary(_rows(_of(clips, kind), spec), seed)}
        for kind in kinds(clips) for spec in specs
    ]


def by_source(clips: Sequence[Line], specs: Sequence[str], seed: int) -> list[Line]:
    """The same for each source that a manifest names, and kind where a source has several.

    Args:
        clips, specs, seed: as for `summarise`.
    """
    parts: dict[tuple[str, str], list[Line]] = {}
    for clip in clips:
        if clip["source"]:
            parts.setdefault((clip["source"], clip["kind"]), []).append(clip)
    return [
        {"line": "source", "codec": spec, "source": source, "kind": kind,
         **_summary(_rows(parts[source, kind], spec), seed)}
        for source, kind in sorted(parts, key=lambda part: (_place(part[1]), part[0]))
        for spec in specs
    ]


def differences(
    clips: Sequence[Line], specs: Sequence[str], baseline: str, seed: int
) -> list[Line]:
    """A line for each other codec and kind: its value less the baseline's, clip by clip.

    Args:
        clips, specs, seed: as for `summarise`.
        baseline: one of ``specs``.
    """
    lines = []
    for kind in kinds(clips):
        base = [row.get("metrics", {}) for row in _rows(_of(clips, kind), baseline)]
        for spec in (spec for spec in specs if spec != baseline):
            other = [row.get("metrics", {}) for row in _rows(_of(clips, kind), spec)]
            lines.append({"line": "difference", "codec": spec, "baseline": baseline, "kind": kind,
                          "metrics": _differences(base, other, seed)})
    return lines


def _place(kind: str) -> tuple[int, str]:
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind)


def _of(clips: Sequence[Line], kind: str) -> list[Line]:
    return [clip for clip in clips if kind in (ALL, clip["kind"])]


def _rows(clips: Sequence[Line], spec: str) -> list[Line]:
    """Rows of one codec, in the order of the clips, with ``seconds`` and ``kind`` of the clip."""
    return [
        row | {"seconds": clip["seconds"], "kind": clip["kind"]}
        for clip in clips for row in clip["rows"] if row["codec"] == spec
    ]


def _summary(rows: Sequence[Line], seed: int) -> Line:
    sent = [row for row in rows if "error" not in row]
    seconds = sum(row["seconds"] for row in sent)
    rates = {
        f"{name}_per_second": round(sum(row[name] for row in sent) / seconds, 3) if sent else None
        for name in ("bits", "tokens")
    }
    asked = {name for row in sent for name in (*row["metrics"], *row["failed"])}
    metrics = {name: _metric(rows, name, seed) for name in METRICS if name in asked}
    return {"clips": len(rows), "errors": len(rows) - len(sent), "seconds": round(seconds, 3),
            **rates, "metrics": metrics}


def _metric(rows: Sequence[Line], name: str, seed: int) -> Line:
    values = [row["metrics"][name] for row in rows if name in row.get("metrics", {})]
    meant = [row for row in rows if not METRICS[name].speech or row["kind"] in SPEECH]
    return {"n": len(values), "failed": len(meant) - len(values), **_mean(values, seed)}


def _differences(base: Sequence[Line], other: Sequence[Line], seed: int) -> Line:
    pairs = {
        name: [b[name] - a[name] for a, b in zip(base, other) if name in a and name in b]
        for name in METRICS
    }
    return {name: {"n": len(values), **_mean(values, seed)}
            for name, values in pairs.items() if values}


def _mean(values: Sequence[float], seed: int) -> Line:
    mean = round(math.fsum(values) / len(values), DIGITS) if values else None
    return {"mean": mean, "interval_95": interval(values, seed)}

