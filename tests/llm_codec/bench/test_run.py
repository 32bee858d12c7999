"""The same record from every run, whatever the processes, the stops or the bad clips."""

from __future__ import annotations

import json
import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from llm_codec.bench import costs, run, worker
from llm_codec.bench.codecs.sanity import Identity


@pytest.fixture(autouse=True)
def _no_probes(monkeypatch):
    """Memory is measured in processes that take seconds to start."""
    monkeypatch.setattr(costs, "peak_memory", lambda specs: dict.fromkeys(specs, 1))


@pytest.fixture
def words(codec, corpus, tmp_path) -> list:
    """Arguments of a small run with a random codec of words."""
    codec.save_pretrained(tmp_path / "tiny")
    return ["--data", corpus, "--split", "dev", "--codecs", f"identity,mulaw,{tmp_path / 'tiny'}"]


def measured(path: Path) -> list[bytes]:
    """Lines of a record but those of costs."""
    return [line for line in path.read_bytes().splitlines() if b'"line": "cost"' not in line]


def test_record_has_all_that_was_measured(bench, words, tmp_path, read, pick):
    code, out, _ = bench(*words, "--json", tmp_path / "r.jsonl", "--baseline", "mulaw")
    lines = read(tmp_path / "r.jsonl")
    assert code == 0 and "| identity" in out and not (tmp_path / "r.jsonl.part").exists()
    head = lines[0]
    assert head["clips"] == {"music": 3, "sound": 3, "speech": 3} and head["skipped"] == []
    assert {"torch", "pesq", "pystoi", "llm-codec"} <= set(head["versions"])
    tiny = head["codecs"][2]
    assert tiny["codebook_sizes"] == [16, 32, 32] and len(tiny["fingerprints"]["codec"]) == 16
    assert len(pick(lines, "clip")) == 27
    assert len(pick(lines, "summary")) == 3 * 4 and len(pick(lines, "difference")) == 2 * 4
    assert [line["scale"] for line in pick(lines, "codebook")] == [1, 2, 3]
    (speech,) = pick(lines, "summary", codec="identity", kind="speech")
    assert speech["clips"] == 3 and speech["errors"] == 0
    assert speech["metrics"]["mel"] == {"n": 3, "failed": 0, "mean": 0, "interval_95": [0, 0]}
    assert speech["metrics"]["pesq_wb"]["mean"] == pytest.approx(4.64, abs=0.01)
    (whole,) = pick(lines, "summary", codec="identity", kind="all")
    assert whole["metrics"]["pesq_wb"]["n"] + whole["metrics"]["pesq_wb"]["failed"] == 3
    assert whole["bits_per_second"] == 32 * 16000 and whole["tokens_per_second"] == 0
    (difference,) = pick(lines, "difference", codec="identity", kind="all")
    (mulaw,) = pick(lines, "summary", codec="mulaw", kind="all")
    assert difference["metrics"]["mel"]["mean"] == pytest.approx(-mulaw["metrics"]["mel"]["mean"])
    assert {"rtf_encode", "rtf_decode", "peak_mib"} <= set(pick(lines, "cost", codec="mulaw")[0])


def test_two_runs_give_the_same_bytes_apart_from_costs(bench, words, tmp_path):
    for name in ("a", "b"):
        bench(*words, "--json", tmp_path / name, "--baseline", "identity")
    assert measured(tmp_path / "a") == measured(tmp_path / "b")
    assert not any(b"_s\"" in line or b"rtf" in line for line in measured(tmp_path / "a"))


def test_processes_change_nothing(bench, words, tmp_path):
    bench(*words, "--json", tmp_path / "one", "--limit", 2)
    bench(*words, "--json", tmp_path / "two", "--limit", 2, "--jobs", 2)
    assert measured(tmp_path / "one") == measured(tmp_path / "two")


def test_a_killed_run_goes_on_where_it_was(bench, words, tmp_path, monkeypatch):
    bench(*words, "--json", tmp_path / "whole")
    real, seen = worker.Worker.measure, []

    def measure(self, clip):
        if len(seen) == 4:
            raise KeyboardInterrupt
        seen.append(clip.name)
        return real(self, clip)

    monkeypatch.setattr(worker.Worker, "measure", measure)
    code, _, err = bench(*words, "--json", tmp_path / "killed")
    assert code == 130 and err.strip().endswith("interrupted")
    assert not (tmp_path / "killed").exists()
    part = tmp_path / "killed.part"
    part.write_bytes(part.read_bytes()[:-20])  # the last line was cut short
    again = []
    monkeypatch.setattr(worker.Worker, "measure",
                        lambda self, clip: again.append(clip.name) or real(self, clip))
    assert bench(*words, "--json", tmp_path / "killed")[0] == 0
    assert len(again) == 9 - 3 and again[0] == seen[-1]
    assert measured(tmp_path / "killed") == measured(tmp_path / "whole")


def test_a_finished_record_is_read_and_not_measured_again(bench, words, tmp_path, monkeypatch):
    _, first, _ = bench(*words, "--json", tmp_path / "r")
    monkeypatch.setattr(worker.Worker, "measure", None)
    assert bench(*words, "--json", tmp_path / "r") == (0, first, "")


@pytest.mark.parametrize("name", ["r", "r.part"])
def test_another_run_is_not_overwritten_unless_asked(bench, words, tmp_path, name):
    bench(*words, "--json", tmp_path / "r", "--limit", 1)
    os.rename(tmp_path / "r", tmp_path / name)
    before = (tmp_path / name).read_bytes()
    code, _, err = bench(*words, "--json", tmp_path / "r", "--limit", 2)
    assert code == 1 and "another run" in err and "--force" in err and err.count("\n") == 1
    assert (tmp_path / name).read_bytes() == before
    assert bench(*words, "--json", tmp_path / "r", "--limit", 2, "--force")[0] == 0


def test_a_corrupt_clip_is_named_and_counted_and_the_rest_measured(
    bench, corpus, tmp_path, read, pick
):
    code, out, _ = bench("--data", corpus, "--split", "damaged", "--codecs", "mulaw",
                         "--json", tmp_path / "r")
    lines = read(tmp_path / "r")
    assert code == 1 and "cannot be read: broken.wav" in out
    (bad,) = pick(lines, "unreadable")
    assert bad["clip"] == "broken.wav" and "cannot be read as audio" in bad["error"]
    assert pick(lines, "data")[0]["unreadable"] == 1
    assert [line["clip"] for line in pick(lines, "clip")] == ["whole.wav"]


def test_a_codec_that_fails_on_a_clip_counts_as_failed_for_each_metric(
    bench, corpus, tmp_path, monkeypatch, read, pick
):
    real = Identity.encode

    def encode(self, wave):
        if 14000 < len(wave) and not encode.failed:
            encode.failed = True
            raise ValueError("out of luck")
        return real(self, wave)

    encode.failed = False
    monkeypatch.setattr(Identity, "encode", encode)
    bench("--data", corpus, "--split", "dev", "--codecs", "identity,mulaw", "--json",
          tmp_path / "r", "--baseline", "mulaw")
    lines = read(tmp_path / "r")
    (row,) = pick(lines, "summary", codec="identity", kind="speech")
    assert row["errors"] == 1 and row["clips"] == 3
    assert row["metrics"]["mel"]["n"] == 2 and row["metrics"]["mel"]["failed"] == 1
    assert "out of luck" in next(line["error"] for line in pick(lines, "clip") if "error" in line)
    (pair,) = pick(lines, "difference", codec="identity", kind="speech")
    assert pair["metrics"]["mel"]["n"] == 2


def test_a_missing_codec_is_a_skipped_row(bench, corpus, tmp_path, monkeypatch, read):
    monkeypatch.setenv("PATH", os.devnull)
    code, out, _ = bench("--data", corpus, "--split", "dev", "--codecs", "mulaw,opus@6",
                         "--json", tmp_path / "r")
    assert code == 0 and "skipped opus@6: opusenc is not installed: apt-get install" in out
    assert [row["codec"] for row in read(tmp_path / "r")[0]["skipped"]] == ["opus@6"]
    code, _, err = bench("--data", corpus, "--codecs", "opus@6")
    assert code == 1 and "none of the codecs can run here" in err and err.count("\n") == 1


def test_summary_is_the_record_without_single_clips(bench, words, tmp_path, read):
    bench(*words, "--json", tmp_path / "r", "--summary", tmp_path / "s")
    kept = [line for line in read(tmp_path / "r") if "clip" not in line]
    assert read(tmp_path / "s") == kept
    bench(*words, "--json", tmp_path / "r", "--summary", tmp_path / "later")
    assert read(tmp_path / "later") == kept


def test_a_process_that_died_is_one_line(bench, words, monkeypatch):
    class Pool:
        def __init__(self, *args): ...
        def submit(self, *args): raise BrokenProcessPool
        def shutdown(self, **options): ...

    monkeypatch.setattr(run, "ProcessPoolExecutor", Pool)
    code, _, err = bench(*words, "--jobs", 2)
    assert code == 1 and "fewer --jobs" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "more, code, message",
    [
        (["--codecs", "mulaw,mulaw"], 2, "different names"),
        (["--codecs", "opus"], 2, "give a rate"),
        (["--codecs", "nothing"], 1, "expected a preset"),
        (["--baseline", "opus@6"], 2, "none of the codecs"),
        (["--limit", "0"], 2, "1 or more"),
        (["--split", "test"], 1, "no clips of split test"),
        (["--data", "/nowhere"], 1, "is not there"),
        (["--utmos", "/nowhere.pt"], 1, "not a TorchScript file"),
        (["--json", "/nowhere/r"], 2, "--json /nowhere/r: its folder does not exist"),
        (["--html", "/nowhere/r.html"], 2, "--html /nowhere/r.html: its folder does not exist"),
        (["--nonsense"], 2, "unrecognized"),
    ],
)
def test_errors_are_one_line(bench, corpus, more, code, message):
    found, out, err = bench("--data", corpus, "--codecs", "mulaw", *more)
    assert found == code and message in err and err.count("\n") == 1 and not out


def test_lines_are_json_without_nan(bench, words, tmp_path):
    bench(*words, "--json", tmp_path / "r", "--limit", 1)

    def refuse(value):
        raise AssertionError(value)

    for line in (tmp_path / "r").read_text("utf-8").splitlines():
        json.loads(line, parse_constant=refuse)
