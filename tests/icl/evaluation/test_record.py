"""A record file keeps every whole line, goes on after them, and never touches another's file."""

import json

import pytest

from icl.evaluation.record import RecordError, RecordFile, read_records

RUN = {"name": "fsdd 2-way", "row": {"ways": 2}, "command": "icl evaluate fsdd"}


def write(path, items: int, finish: bool = True, run: dict = RUN) -> list[dict]:
    """Write a run of ``items`` as an evaluation does; returns what was there already."""
    file = RecordFile(path)
    done = list(file.begin(run))
    for number in range(len(done), items):
        file.append({"query": f"clip {number}"})
    if finish:
        file.finish({"accuracy": 0.5})
    return done


def test_what_is_written_is_read_back(tmp_path):
    write(tmp_path / "r.jsonl", 3)
    (record,) = read_records(tmp_path / "r.jsonl")
    assert record.name == "fsdd 2-way" and record.summary["accuracy"] == 0.5
    assert [item["query"] for item in record.items] == ["clip 0", "clip 1", "clip 2"]


def test_every_line_is_on_disk_as_soon_as_it_is_appended(tmp_path):
    file = RecordFile(tmp_path / "r.jsonl")
    file.begin(RUN)
    for count in (1, 2):
        file.append({"query": "clip"})
        assert len((tmp_path / "r.jsonl").read_bytes().splitlines()) == 1 + count


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_torn_end_is_dropped_and_written_again(tmp_path, torn):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    write(whole, 4)
    cut.write_bytes(whole.read_bytes()[:-torn])
    write(cut, 4)
    assert cut.read_bytes() == whole.read_bytes()


def test_a_run_goes_on_at_any_line(tmp_path):
    whole = tmp_path / "whole.jsonl"
    write(whole, 2)
    lines = whole.read_bytes().splitlines(keepends=True)
    for kept in range(len(lines) + 1):
        part = tmp_path / f"part{kept}.jsonl"
        part.write_bytes(b"".join(lines[:kept]))
        done = write(part, 2)
        assert len(done) == min(max(kept - 1, 0), 2)
        assert part.read_bytes() == whole.read_bytes()


def test_a_second_run_is_added_after_the_first(tmp_path):
    path, second = tmp_path / "r.jsonl", {**RUN, "name": "fsdd 5-way", "row": {"ways": 5}}
    for _ in range(2):
        file = RecordFile(path)
        for run in (RUN, second):
            if not file.begin(run):
                file.append({"query": "clip"})
            file.finish({"accuracy": 1.0})
    assert [record.name for record in read_records(path)] == ["fsdd 2-way", "fsdd 5-way"]


def test_another_evaluation_is_refused_and_the_difference_named(tmp_path):
    path = tmp_path / "r.jsonl"
    write(path, 2, finish=False)
    before = path.read_bytes()
    with pytest.raises(RecordError, match="row: ways 2 there, 5 here"):
        write(path, 2, run={**RUN, "row": {"ways": 5}})
    assert path.read_bytes() == before


def test_the_command_may_be_typed_differently(tmp_path):
    write(tmp_path / "r.jsonl", 2, finish=False)
    assert len(write(tmp_path / "r.jsonl", 2, run={**RUN, "command": "from Python"})) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"hello\n", b"no newline", b"[]\n",
        b'{"type": "run", "format": 1}\n', b'{"a": 1}\n{"type": "',
    ],
)
def test_a_file_that_is_no_record_is_left_alone(tmp_path, content):
    path = tmp_path / "thesis.txt"
    path.write_bytes(content)
    with pytest.raises(RecordError, match="line 1"):
        RecordFile(path)
    assert path.read_bytes() == content


def test_a_record_must_begin_with_a_run(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"type": "item"}) + "\n")
    with pytest.raises(RecordError, match="not with a run"):
        read_records(path)
    path.write_text("")
    with pytest.raises(RecordError, match="holds no run"):
        read_records(path)


def test_without_a_path_lines_are_kept_in_memory():
    file = RecordFile(None)
    file.begin(RUN)
    file.append({"query": "clip"})
    file.finish({"accuracy": 1.0})
    assert file.records[0].items[0]["query"] == "clip"
    assert file.records[0].summary["accuracy"] == 1.0
