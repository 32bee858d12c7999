"""Numbers come with their uncertainty and with what is needed to get them again."""

import json

import pytest

from icl.record import Record, Score


@pytest.fixture
def record() -> Record:
    return Record(
        task="fsdd", task_version=1, split="dev", ways=2, shots=1, speakers="any", seed=0,
        score=Score(70, 100), chance=0.5, references={"uniform": Score(50, 100)}, settings={},
        fingerprints={"llm": "ab"}, versions={}, command="icl evaluate fsdd", seconds=1.0,
        tokens_run=10, tokens_saved=90, items=[{"gold": "one", "predicted": "two"}],
    )  # fmt: skip


def test_the_wilson_interval_matches_published_values():
    low, high = Score(81, 263).interval  # Newcombe 1998, table I, method 3
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert [round(end, 4) for end in Score(0, 20).interval] == [0.0, 0.1611]
    assert Score(20, 20).interval[1] == 1.0


def test_a_record_is_one_line_of_json(record):
    assert "\n" not in record.to_json()
    loaded = json.loads(record.to_json())
    assert loaded["accuracy"] == 0.7 and loaded["n"] == 100 and len(loaded["interval_95"]) == 2
    assert loaded["references"]["uniform"]["accuracy"] == 0.5
    assert loaded["items"] == record.items


def test_saving_leaves_the_file_and_nothing_else(record, tmp_path):
    record.save(tmp_path / "record.json")
    assert json.loads((tmp_path / "record.json").read_text()) == record.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_the_table_names_every_method_with_n_and_interval(record):
    table = record.table()
    assert "language model" in table and "uniform" in table
    assert "chance 50.0%" in table and "60.4% to 78.1%" in table
