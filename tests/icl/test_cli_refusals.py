"""Wrong settings are wrong use, and what is lacking is named in one line."""

import logging
import sys

import pytest

from icl import cli
from icl.commands import options
from icl.evaluation import RecordFile, Row
from icl.evaluation.summary import summarise
from icl.llm import load_tokenizer
from llm_codec import causal


def assert_one_line(err: str) -> None:
    assert err.startswith("icl: error: ") and err.count("\n") == 1 and "Traceback" not in err


@pytest.mark.parametrize(("more", "says"), [
    (["--scales", "9"], "scales is 9"),
    (["--views", "4", "--orders", "1"], "every view needs an order"),
    (["--views-shown", "5"], "no more are shown than heard"),
    (["--choose", "balanced"], "per_label is None"),
])
def test_settings_that_cannot_work_are_wrong_use(classify, tone_file, more, says):
    code, _, err = classify(tone_file(320), more=more)
    assert code == 2 and says in err
    assert_one_line(err)


@pytest.mark.parametrize("more", [
    ["--temperature", "-1"], ["--top-p", "2"], ["--seconds", "0"], ["--scales", "9"],
])
def test_draws_that_cannot_work_are_wrong_use(icl, pair, tone_file, tmp_path, more, monkeypatch):
    clip, models = tone_file(300), ["--codec", pair / "codec", "--llm", pair / "llm"]
    monkeypatch.setattr("llm_codec.audio.load", None)  # said before a clip is loaded
    argv = ["enhance", clip, "-o", tmp_path / "o.wav", "--example", f"{clip}={clip}"]
    code, _, err = icl([*argv, *models, *more])
    assert code == 2 and more[0].strip("-").replace("-", "_") in err
    assert_one_line(err)


def test_what_is_no_tokenizer_is_named_at_once(classify, tone_file, monkeypatch):
    monkeypatch.setattr(causal, "load_tokenizer", None)  # no hub is asked
    more = ("--tokenizer", "foo")
    code, _, err = classify(tone_file(320), llm="http://127.0.0.1:1/v1", more=more)
    assert code == 1 and "foo is no tokenizer folder or hub id" in err
    assert_one_line(err)


def test_a_tokenizer_that_cannot_be_had_is_named_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"empty is no tokenizer folder .* be read: .*"):
        (tmp_path / "empty").mkdir()
        load_tokenizer(tmp_path / "empty")

    def fail(name):
        raise OSError(f"no network for {name}\nread this page")

    monkeypatch.setattr(causal, "load_tokenizer", fail)
    with pytest.raises(ValueError, match="^a/foo is no .* be read: no network for a/foo$"):
        load_tokenizer("a/foo")
    with pytest.raises(ValueError, match="no network for gpt2$"):
        load_tokenizer("gpt2", own=True)


def test_a_tokenizer_is_found_where_a_model_is(pair, tokenizer):
    for folder in (pair, pair / "llm", str(pair)):
        assert load_tokenizer(folder).get_vocab() == tokenizer.get_vocab()


def test_the_hub_is_kept_quiet(monkeypatch):
    logger = logging.getLogger("huggingface_hub")
    monkeypatch.setattr(logger, "level", logging.WARNING)
    options.keep_quiet()
    assert logger.level == logging.ERROR


def test_a_report_without_matplotlib_has_its_tables(tmp_path, monkeypatch, capsys):
    file, row = RecordFile(tmp_path / "r.jsonl"), Row("fsdd")
    file.begin({
        "name": row.name, "row": row.to_dict(), "settings": {"template": "pocket"},
        "task": {"name": "fsdd", "version": 1, "description": "", "licence": "CC0"},
        "fingerprints": {"codec": "c", "vocabulary": "v", "llm": "l"}, "versions": {},
        "command": "icl evaluate fsdd",
    })  # fmt: skip
    item = {
        "seed": 0, "query": "one/0", "gold": "one", "predicted": "one",
        "probabilities": {"one": 0.9, "two": 0.1}, "references": {"mfcc_nearest_mean": "one"},
        "seconds": 0.5, "tokens_run": 10, "tokens_saved": 5,
    }  # fmt: skip
    file.append(item)
    file.finish(summarise([item]))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["report", str(tmp_path / "r.jsonl"), "--out", str(tmp_path / "out")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"report.md", "report.html"}
    assert "## Right answers" in (tmp_path / "out/report.md").read_text()
    out, err = capsys.readouterr()
    assert out.count("\n") == 2 and err.count("\n") == 1
    assert "plots are left out; plots need matplotlib: pip install 'llm-codec[bench]'" in err
