"""Means, intervals, paired differences and use of codebooks, on numbers that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from llm_codec.bench import summary, table
from llm_codec.bench.usage import Usage


def clip(name: str, kind: str = "speech", seconds: float = 2.0, **values: dict | None) -> dict:
    """A clip with rows of codecs; None stands for a codec that failed."""
    rows = [{"codec": codec, "bits": 100, "tokens": 10, "metrics": metrics, "failed": {}}
            if metrics is not None else {"codec": codec, "error": "failed"}
            for codec, metrics in values.items()]
    return {"clip": name, "kind": kind, "source": "", "seconds": seconds, "rows": rows}


def test_interval_covers_a_known_mean_about_as_often_as_it_says():
    draw = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        low, high = summary.interval([*draw.normal(3, 2, 60)], seed)
        hits += low <= 3 <= high
    assert 0.89 <= hits / 200 <= 0.99


def test_interval_is_seeded_and_needs_two_clips():
    values = [1.0, 2.0, 4.0, 8.0]
    assert summary.interval(values, 1) == summary.interval(values, 1)
    assert summary.interval([1.0], 0) is None and summary.interval([], 0) is None


def test_rates_are_of_all_seconds_together():
    clips = [clip("a", seconds=1.0, x={"mel": 1.0}), clip("b", seconds=3.0, x={"mel": 2.0})]
    (row,) = summary.summarise(clips, ["x"], 0)
    assert row["bits_per_second"] == 50 and row["tokens_per_second"] == 5
    assert row["metrics"]["mel"]["mean"] == 1.5


def test_kinds_come_with_all_of_them_last():
    clips = [clip("a", "music", x={}), clip("b", "speech", x={}), clip("c", "zoo", x={})]
    assert summary.kinds(clips) == ["speech", "music", "zoo", "all"]
    assert summary.kinds(clips[:1]) == ["music"]


def test_failures_are_counted_where_the_metric_applies():
    clips = [clip("a", x={"pesq_wb": 2.0, "mel": 1.0}), clip("b", x={"mel": 3.0}),
             clip("c", x=None), clip("d", "music", x={"mel": 5.0})]
    speech, music, whole = summary.summarise(clips, ["x"], 0)
    assert speech["metrics"]["pesq_wb"] == {"n": 1, "failed": 2, "mean": 2.0, "interval_95": None}
    assert speech["metrics"]["mel"]["failed"] == 1 and speech["errors"] == 1
    assert "pesq_wb" not in music["metrics"]
    assert whole["metrics"]["pesq_wb"]["failed"] == 2 and whole["metrics"]["mel"]["n"] == 3


def test_sources_are_counted_each_by_itself():
    clips = [clip("a", x={"mel": 1.0}), clip("b", "music", x={"mel": 3.0}),
             clip("c", x={"mel": 4.0}, seconds=1.0), clip("d", x={"mel": 9.0})]
    clips = [one | {"source": name} for one, name in zip(clips, ("read", "band", "said", ""))]
    lines = summary.by_source([*clips, clips[0]], ["x"], 0)
    assert [(row["source"], row["kind"], row["clips"], row["metrics"]["mel"]["mean"])
            for row in lines] == [("read", "speech", 2, 1), ("said", "speech", 1, 4),
                                  ("band", "music", 1, 3)]
    assert [row["bits_per_second"] for row in lines] == [50, 100, 50]
    titles, rows = table.source_table(lines, "mel")
    assert titles == ["source", "kind", "clips", "x"] and rows[1] == ["said", "speech", "1", "4.00"]
    assert table.source_table(lines, "stoi") is None
    assert summary.by_source([clips[3]], ["x"], 0) == []


def test_differences_are_taken_clip_by_clip():
    clips = [clip("a", x={"mel": 1.0}, y={"mel": 1.5}), clip("b", x={"mel": 9.0}, y={"mel": 9.5}),
             clip("c", x={"mel": 3.0}, y=None)]
    (row,) = summary.differences(clips, ["x", "y"], "x", 0)
    assert row["codec"] == "y" and row["baseline"] == "x"
    assert row["metrics"]["mel"] == {"n": 2, "mean": 0.5, "interval_95": [0.5, 0.5]}


def test_usage_counts_codes_and_their_entropy():
    usage = Usage({"x": [8, 4]})
    for codes in ([{"0": 1, "3": 1}, {"2": 2}], [{"5": 1, "7": 1}, {"2": 2}]):
        rest = usage.take({"rows": [{"codec": "x", "codes": codes}]})
        assert rest == {"rows": [{"codec": "x"}]}
    first, second = usage.lines()
    assert (first["used"], first["n"], first["share_used"]) == (4, 4, 0.5)
    assert first["entropy_bits"] == 2
    assert first["normalised_entropy"] == pytest.approx(2 / 3, abs=1e-6)
    assert (second["used"], second["entropy_bits"]) == (1, 0)
    assert math.copysign(1, second["entropy_bits"]) == 1  # no "-0.0" in a record


def test_usage_of_nothing_is_nothing():
    (line,) = Usage({"x": [8]}).lines()
    assert (line["n"], line["used"], line["entropy_bits"]) == (0, 0, 0)
