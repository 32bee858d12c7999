"""What a row says of labels and speakers is what is drawn."""

import shutil
from pathlib import Path

from icl.evaluation import Row, evaluate


def row(**changes):
    return Row(**{"task": "fsdd", "limit": 12, "split": "test", **changes})


def tags(record):
    """Of each item, what is asked about and what is shown: ``label/digit_speaker_take.wav``."""
    return [(item["query"], item["support"]) for item in record.items]


def test_labels_of_the_train_split_are_neither_asked_about_nor_shown_as_unseen(
    models, recordings, tmp_path
):
    root = Path(shutil.copytree(recordings, tmp_path / "digits"))
    for path in root.glob("recordings/[12]_*_[78].wav"):  # which leaves zero in train
        path.unlink()
    records = evaluate([row(), row(labels="unseen")], models, root)
    every, unseen = ({tag.split("/")[0] for query, support in tags(record)
                      for tag in (query, *support)} for record in records)
    assert every == {"zero", "one", "two"} and unseen == {"one", "two"}


def test_examples_are_of_the_speakers_that_a_row_says(models, recordings):
    records = evaluate([row(speakers=who) for who in ("any", "same", "other")], models, recordings)
    found = [{query.split("_")[1] == tag.split("_")[1] for query, support in tags(record)
              for tag in support} for record in records]
    assert found == [{True, False}, {True}, {False}]
