"""An evaluation is a record, the same for the same seed, whole after a kill; weights stay as is."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from icl import FewShotClassifier, calibration, tasks
from icl.evaluation import EvaluationStopped, Row, evaluate, read_records
from icl.evaluation.classification import Classification
from icl.llm.dummy import UniformLLM
from icl.tasks.base import DataError
from llm_codec.nearest import STEPS, standardise, stretch

TIMES = ("seconds", "tokens_run", "tokens_saved", "command")


def row(**changes):
    return Row(**{"task": "fsdd", "limit": 6, "split": "test", **changes})


def timeless(records):
    """All lines of records without times, and with probabilities as coarse as sums of floats."""
    lines = [line for record in records for line in (record.run, *record.items, record.summary)]
    rounded = []
    for line in lines:
        line = {key: value for key, value in line.items() if key not in TIMES}
        if "probabilities" in line:
            line["probabilities"] = {k: round(v, 4) for k, v in line["probabilities"].items()}
        if "calibration" in line:
            line["calibration"] = round(line["calibration"]["ece"], 4)
        rounded.append(line)
    return rounded


def test_a_record_holds_the_score_and_its_references(models, recordings):
    (record,) = evaluate([row(limit=12)], models, recordings)
    summary = record.summary
    assert summary["n"] == len(record.items) == 12 and summary["chance"] == 0.5
    assert set(summary["references"]) == {"mfcc_nearest_mean", "words_nearest_mean", "majority"}
    assert record.run["fingerprints"] == models.fingerprints
    assert record.run["settings"]["template"] == "pocket" and record.run["row"]["ways"] == 2
    right = [item["predicted"] == item["gold"] for item in record.items]
    assert summary["accuracy"] == sum(right) / 12
    assert summary["clips"] == len({item["query"] for item in record.items})
    assert summary["tokens_run"] == sum(item["tokens_run"] for item in record.items) > 0
    assert summary["references"]["mfcc_nearest_mean"]["accuracy"] > 0.6  # tones apart in pitch
    json.dumps(summary)


def test_the_words_reference_hears_what_the_language_model_reads(
    models, recordings, monkeypatch
):
    heard, vectors = [], models.word_vectors
    monkeypatch.setattr(models, "word_vectors", lambda codes: heard.append(codes) or vectors(codes))
    bench = Classification(row(settings={"orders": 3, "views": 3}), tasks.get("fsdd"), models,
                           recordings)
    bench.prepare()
    clips = bench._clips()
    assert [id(codes) for codes in heard] == [id(codes) for clip in clips
                                              for codes in models.heard(clip, 3)]
    points = [np.mean([stretch(vectors(codes), STEPS) for codes in models.heard(clip, 3)], axis=0)
              for clip in clips]
    wanted = standardise(dict(zip(clips, points, strict=True)))
    found = bench._references["words_nearest_mean"]
    assert all(np.allclose(found[clip], wanted[clip]) for clip in clips)


def test_an_item_logs_query_support_answer_and_probabilities(models, recordings):
    (record,) = evaluate([row(ways=3, shots=2)], models, recordings)
    for item in record.items:
        assert item["query"].startswith(item["gold"] + "/") and item["query"] not in item["support"]
        assert len(item["support"]) == 6 and item["seed"] == 0
        assert item["predicted"] == max(item["probabilities"], key=item["probabilities"].get)
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_the_seed_gives_the_same_record(models, recordings):
    first, again = (evaluate([row(seeds=2)], models, recordings) for _ in range(2))
    assert timeless(first) == timeless(again)
    assert {item["seed"] for item in first[0].items} == {0, 1}
    assert set(first[0].summary["by_seed"]) == {"0", "1"}


def test_repeats_and_settings_of_a_row_reach_the_learner(models, recordings):
    rows = [row(repeats=2, settings={"scales": 2}), row()]
    twice, once = evaluate(rows, models, recordings)
    assert twice.run["settings"]["repeats"] == 2 and twice.run["settings"]["scales"] == 2
    read = [r.summary["tokens_run"] + r.summary["tokens_saved"] for r in (twice, once)]
    assert read[0] > 3 * read[1]
    with pytest.raises(DataError, match="takes no such setting"):
        evaluate([row(settings={"colour": "red"})], models, recordings)


class SwayedLLM(UniformLLM):
    """Answers by chance, and otherwise for another order of the same examples."""

    def score(self, prefix, continuations):
        draw = random.Random(repr(prefix))
        return [draw.random() for _ in continuations]


def test_other_orders_are_tried_and_the_share_of_changed_answers_told(
    models, recordings, tokenizer
):
    models.llm = SwayedLLM(len(tokenizer), tokenizer=tokenizer)
    (record,) = evaluate([row(shots=2, orders=3)], models, recordings)
    others = [(item["predicted"], other) for item in record.items for other in item["other_orders"]]
    assert len(others) == 18 and record.summary["order_flips"]["n"] == 18
    changed = sum(first != other for first, other in others)
    assert record.summary["order_flips"]["share"] == changed / 18
    assert 0 < changed < 18


def test_a_temperature_is_fitted_once_a_question(models, recordings, monkeypatch):
    """Other orders are asked for their answers alone, which it does not change."""
    fitted = []
    monkeypatch.setattr(calibration, "ENOUGH", 2)
    monkeypatch.setattr(calibration, "fit_temperature", lambda *_: fitted.append(1) or 2.0)
    (record,) = evaluate([row(shots=2, orders=3, settings={"temperature": "fit"})], models,
                         recordings)
    assert len(fitted) == len(record.items) and record.run["settings"]["temperature"] == "fit"


def test_clips_can_be_cut_to_one_length(models, recordings):
    (record,) = evaluate([row(limit=2, seconds=0.1)], models, recordings)
    (whole,) = evaluate([row(limit=2)], models, recordings)
    read = [r.summary["tokens_run"] + r.summary["tokens_saved"] for r in (record, whole)]
    assert read[0] < read[1]


def test_every_clip_is_encoded_once(models, recordings, monkeypatch):
    heard = []
    hear = FewShotClassifier.hear
    monkeypatch.setattr(
        FewShotClassifier,
        "hear",
        lambda self, clips, views: heard.extend(c for c in clips if hasattr(c, "dtype"))
        or hear(self, clips, views),
    )
    evaluate([row(limit=30), row(limit=30, shots=2)], models, recordings)
    assert len(heard) == 24


def test_weights_are_byte_identical_after_an_evaluation(
    models, recordings, llama, weights_fingerprint
):
    before = weights_fingerprint(llama)
    evaluate([row(orders=1)], models, recordings)
    assert weights_fingerprint(llama) == before
    assert not any(parameter.requires_grad for parameter in llama.parameters())


class DyingLLM(UniformLLM):
    """Answers some questions, then is gone, as a server may be."""

    answers = 8

    def score(self, prefix, continuations):
        if self.answers == 0:
            raise ConnectionError("the server does not answer")
        self.answers -= 1
        return super().score(prefix, continuations)


def test_a_model_that_fails_on_the_way_loses_nothing(models, recordings, tmp_path, tokenizer):
    models.llm = DyingLLM(len(tokenizer), tokenizer=tokenizer)
    path, rows = tmp_path / "r.jsonl", [row(), row(shots=2)]
    with pytest.raises(EvaluationStopped, match="does not answer.*2 of 6 answers are kept in"):
        evaluate(rows, models, recordings, path)
    first, second = read_records(path)
    assert first.summary and len(second.items) == 2 and second.summary is None
    models.llm.answers = 4
    resumed = evaluate(rows, models, recordings, path)  # asks only the four that are missing
    models.llm.answers = 12
    assert timeless(resumed) == timeless(evaluate(rows, models, recordings))
    assert timeless(read_records(path)) == timeless(resumed)


def test_a_row_without_data_fails_before_the_first_is_asked(models, recordings, tmp_path):
    path = tmp_path / "r.jsonl"
    with pytest.raises(DataError):
        evaluate([row(), row(ways=9)], models, recordings, path)
    assert not path.exists()


def test_without_a_file_a_failure_says_that_answers_are_lost(models, recordings, tokenizer):
    models.llm = DyingLLM(len(tokenizer), tokenizer=tokenizer)
    with pytest.raises(EvaluationStopped, match="lost: no --json"):
        evaluate([row(limit=20)], models, recordings)


def test_a_killed_evaluation_goes_on_to_the_same_record(pair, recordings, tmp_path):
    path, whole = tmp_path / "killed.jsonl", tmp_path / "whole.jsonl"
    argv = ["evaluate", "fsdd", "--limit", "60", "--split", "test", "--data", str(recordings)]
    argv += ["--codec", str(pair / "codec"), "--llm", str(pair / "llm"), "--ways", "2", "3"]
    start = f"import sys; from icl.cli import main; sys.exit(main({argv!r} + sys.argv[1:]))"
    command = [sys.executable, "-c", start, "--json"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    end = time.monotonic() + 600
    with subprocess.Popen([*command, str(path)], env=env, stdout=subprocess.DEVNULL) as process:
        while not path.exists() or path.read_bytes().count(b"\n") < 10:
            if process.poll() is not None or time.monotonic() > end:
                break
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL, "it was over before it could be killed"
    kept = path.read_bytes()
    with path.open("ab") as file:  # as if the kill had torn a line
        file.write(b'{"type": "item", "se')
    for target in (path, whole):
        subprocess.run([*command, str(target)], env=env, check=True, stdout=subprocess.DEVNULL)
    assert path.read_bytes().startswith(kept)
    assert timeless(read_records(path)) == timeless(read_records(whole))


def test_real_digits_can_be_evaluated(models, shared_audio):
    (record,) = evaluate([Row("fsdd", limit=20)], models, shared_audio)
    assert record.summary["n"] == 20
    assert record.summary["references"]["mfcc_nearest_mean"]["accuracy"] > 0.8
