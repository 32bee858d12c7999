"""The speed benchmark compares the same questions and says whether their answers agree."""

import json

import pytest

from icl import FewShotClassifier, bench
from icl.llm.dummy import UniformLLM
from icl.llm.transformers import TransformersLLM


def test_both_ways_give_the_same_labels_and_the_record_says_so(codec, llama, tokenizer):
    learner = FewShotClassifier(codec, TransformersLLM(llama, tokenizer))
    record = bench.measure(learner, ways=3, shots=2, queries=20, seconds=0.2)
    assert record["same_labels"] and record["agreement"] == 1.0
    assert record["ratio"] == record["again_seconds"] / record["kept_seconds"]
    assert record["one_query_seconds"] <= record["one_query_seconds_worst"]


def test_answers_that_differ_are_told(codec, llama, tokenizer, monkeypatch):
    monkeypatch.setattr(bench, "_ask_anew", lambda learner, queries: ["dog"] * len(queries))
    learner = FewShotClassifier(codec, TransformersLLM(llama, tokenizer))
    record = bench.measure(learner, ways=3, shots=1, queries=20, seconds=0.2)
    assert not record["same_labels"] and record["agreement"] == 0.0


def test_the_command_prints_a_table_and_writes_the_record(icl, pair, tmp_path):
    code, out, err = icl([
        "bench", "--queries", "20", "--ways", "2", "--shots", "1", "--json", tmp_path / "r.json",
        "--codec", pair / "codec", "--llm", pair / "llm",
    ])  # fmt: skip
    assert (code, err) == (0, "") and "ratio" in out and "same labels" in out
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["queries"] == 20 and len(record["llm"]) == 16


def test_a_model_that_runs_elsewhere_cannot_be_measured(codec, tokenizer):
    learner = FewShotClassifier(codec, UniformLLM(len(tokenizer), tokenizer=tokenizer))
    with pytest.raises(ValueError, match="in this process"):
        bench.measure(learner, 2, 1, 20, 0.2)
