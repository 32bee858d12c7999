"""Clips that cannot be heard, or are there twice, cost their questions alone."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from icl.evaluation import RecordError, Row, evaluate
from icl.report.table import table
from icl.tasks.base import DataError


def row(**changes):
    return Row(**{"task": "fsdd", "limit": 6, "split": "test", **changes})


def copied(recordings, folder):
    """The same recordings, to be spoilt."""
    return Path(shutil.copytree(recordings, folder))


def test_a_clip_that_cannot_be_heard_leaves_its_questions_out(models, recordings, tmp_path):
    spoilt = copied(recordings, tmp_path / "spoilt")
    soundfile.write(spoilt / "recordings/1_ann_0.wav", np.zeros(4000), 8000)
    (spoilt / "recordings/2_ann_1.wav").write_bytes(b"RIFF")
    (record,) = evaluate([row(limit=40)], models, spoilt)
    (whole,) = evaluate([row(limit=40)], models, recordings)
    bad = {"one/1_ann_0.wav", "two/2_ann_1.wav"}
    for item, before in zip(record.items, whole.items, strict=True):
        if bad & {item["query"], *item["support"]}:
            assert "silent" in item["left_out"] or "2_ann_1.wav" in item["left_out"]
        else:
            assert item["predicted"] == before["predicted"]
    left, summary = record.summary["left_out"], record.summary
    assert left["n"] == sum("left_out" in item for item in record.items) == 40 - summary["n"]
    assert len(left["reasons"]) == 2 and sum(left["reasons"].values()) == left["n"] > 1
    assert "questions were left out" in table(record) and "1_ann_0.wav" in table(record)
    assert "left_out" not in whole.summary


def test_a_sound_under_two_names_is_not_asked_about_itself(models, recordings, tmp_path):
    spoilt = copied(recordings, tmp_path / "spoilt")
    shutil.copy(spoilt / "recordings/0_ann_0.wav", spoilt / "recordings/0_ann_1.wav")
    (record,) = evaluate([row(limit=40, shots=2)], models, spoilt)
    for item in record.items:
        both = {"zero/0_ann_0.wav", "zero/0_ann_1.wav"} <= {item["query"], *item["support"]}
        assert both == ("left_out" in item)
    ((why, count),) = record.summary["left_out"]["reasons"].items()
    assert why.endswith("are the same sound") and count >= 1


def test_other_data_under_the_same_names_is_another_evaluation(models, recordings, tmp_path):
    path, longer = tmp_path / "r.jsonl", copied(recordings, tmp_path / "longer")
    evaluate([row(limit=20)], models, recordings, path)
    name = next((longer / "recordings").glob("*_ann_0.wav"))
    soundfile.write(name, np.concatenate([soundfile.read(name)[0]] * 2), 8000)
    with pytest.raises(RecordError, match="holds another evaluation, which differs in drawn"):
        evaluate([row(limit=20)], models, longer, path)


def test_data_without_a_sound_is_an_error(models, recordings, tmp_path):
    spoilt = copied(recordings, tmp_path / "spoilt")
    for path in (spoilt / "recordings").iterdir():
        soundfile.write(path, np.zeros(4000), 8000)
    with pytest.raises(DataError, match="no question could be asked: .*silent"):
        evaluate([row()], models, spoilt)
