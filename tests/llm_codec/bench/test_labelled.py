"""Labelled clips are found by source, and what cannot be asked about is said."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from llm_codec.bench import labelled
from llm_codec.bench.labelled import Rows


def test_a_source_has_its_labelled_clips_without_noise(classes):
    rows = Rows(classes, "dev", None, 0)
    source = rows.source("tones")
    assert source.clips == [*range(12)] and source.of([*"abcdefghijklmnop"]) == [*"abcdefghijkl"]
    assert rows.able() == ["tones"]
    assert Counter(source.labels) == {"200": 4, "700": 4, "2500": 4}
    assert source.describe() == {"clips": 12, "labels": 3, "speakers": 2}
    waves = rows.load(16000)
    found = labelled.describe(waves, [source], 16000)
    assert found["clips"] == len(waves) == 20 and found["sources"] == {"tones": source.describe()}
    assert found["seconds"] == pytest.approx(sum(map(len, waves)) / 16000, abs=1e-3)
    waves[3] = waves[3] * np.float32(0.5)
    assert labelled.describe(waves, [], 16000)["sha256"] != found["sha256"]


def test_a_limit_is_on_clips_of_each_label_of_each_source(classes):
    few = Rows(classes, None, 2, seed=0)
    counts = Counter((row["source"], row["label"]) for row in few.rows)
    assert max(counts.values()) == 2 and counts["calls", "hi"] == 1
    paths = [row["path"] for row in few.rows]
    assert paths == [row["path"] for row in Rows(classes, None, 2, seed=0).rows]
    assert paths != [row["path"] for row in Rows(classes, None, 2, seed=1).rows]


@pytest.mark.parametrize(("name", "reason"), [
    ("choirs", "no clips of source choirs; it has those of calls, plain, tones"),
    ("plain", "source plain: 0 labels, 0 of them with two clips"),
    ("calls", "source calls: 2 labels, 1 of them with two clips"),
])
def test_a_source_that_cannot_be_asked_about_says_why(classes, name, reason):
    with pytest.raises(ValueError, match=reason):
        Rows(classes, "dev", None, 0).source(name)


def test_a_split_without_rows_is_an_error(classes):
    with pytest.raises(ValueError, match="no clips of split test; there are dev"):
        Rows(classes / "manifest.csv", "test", None, 0)
