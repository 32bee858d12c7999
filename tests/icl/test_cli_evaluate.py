"""``icl evaluate``: a run for every combination, a table each, a record that goes on."""

import json
import re

import numpy as np
import pytest
import soundfile

from icl import cli
from icl.commands.evaluate import _of_protocol, add
from icl.evaluation import read_records
from icl.parser import Parser


@pytest.fixture
def recordings(tmp_path, tone):
    (tmp_path / "recordings").mkdir()
    for digit in range(3):
        for take in range(4):
            wave = tone(400 * (digit + 1) + 20 * take, 0.3 + take / 100, 8000)
            path = tmp_path / "recordings" / f"{digit}_ann_{take}.wav"
            soundfile.write(path, wave.astype(np.float32), 8000)
    return tmp_path


@pytest.fixture
def icl(pair, recordings, capfd):
    """Runs ``icl evaluate`` on the recordings: exit code, stdout, stderr."""

    def run(*argv: str) -> tuple[int, str, str]:
        where = ["--split", "test", "--data", str(recordings)]
        models = ["--codec", str(pair / "codec"), "--llm", str(pair / "llm")]
        code = cli.main(["evaluate", *argv, *where, *models])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def test_every_combination_is_a_run_with_a_table(icl, tmp_path):
    path = tmp_path / "r.jsonl"
    given = ["--ways", "2", "3", "--shots", "1", "2", "--repeats", "1", "2", "--limit", "3"]
    code, out, err = icl("fsdd", *given, "--seeds", "2", "--other-orders", "1", "--json", str(path))
    assert (code, err) == (0, "")
    records = read_records(path)
    rows = [record.run["row"] for record in records]
    assert [(r["ways"], r["shots"], r["repeats"]) for r in rows] == [
        (w, s, r) for w in (2, 3) for s in (1, 2) for r in (1, 2)
    ]
    assert all(record.summary["n"] == 6 for record in records)
    assert out.count("language model") == 8 and "fsdd 3-way 2-shot 2 times" in out
    assert records[0].run["command"].startswith("icl evaluate fsdd --ways 2 3")


def test_the_same_command_again_asks_nothing_and_says_the_same(icl, tmp_path):
    argv = ["fsdd", "--limit", "3", "--json", str(tmp_path / "r.jsonl")]
    first, before = icl(*argv), (tmp_path / "r.jsonl").read_bytes()
    assert icl(*argv) == first and (tmp_path / "r.jsonl").read_bytes() == before
    code, _, err = icl(*argv, "--shots", "2")
    assert code == 1 and "shots 1 there, 2 here" in err and err.count("\n") == 1


def test_json_on_stdout_is_the_record_alone(icl):
    code, out, _ = icl("fsdd", "--limit", "2", "--json", "-")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and [line["type"] for line in lines] == ["run", "item", "item", "summary"]


def test_settings_of_the_learner_reach_it(icl):
    code, out, _ = icl("fsdd", "--limit", "2", "--json", "-", "--scales", "2",
                       "--set", "aggregate=mean", "--set", "induction=false")  # fmt: skip
    settings = json.loads(out.splitlines()[0])["settings"]
    assert code == 0 and settings["scales"] == 2 and settings["template"] == "pocket"
    assert settings["aggregate"] == "mean" and settings["induction"] is False
    code, _, err = icl("fsdd", "--limit", "2", "--set", "colour=red")
    assert code == 1 and "colour" in err and err.count("\n") == 1


def test_settings_that_are_given_win_over_those_of_a_protocol():
    parser = Parser(prog="icl")
    add(parser.add_subparsers())
    argv = ["evaluate", "--protocol", "pocket", "fsdd", "emodb", "--orders", "2", "--views", "2",
            "--views-shown", "1", "--set", "temperature=1.5"]  # fmt: skip
    rows = _of_protocol(parser.parse_args(argv))
    assert len(rows) == 6
    for row in rows:
        wanted = {"orders": 2, "views": 2, "views_shown": 1, "temperature": 1.5}
        assert row.settings == wanted and row.orders == 1


def test_options_that_would_do_nothing_are_refused(icl):
    for given in (["--speakers", "other"], ["--labels", "unseen"], ["--other-orders", "3"],
                  ["--orders", "4"], ["--views", "4"], ["--views-shown", "2"]):
        code, _, err = icl("text-to-sound", *given)
        assert code == 2 and f"{given[0]}: text-to-sound makes sounds" in err
    code, _, err = icl("fsdd", "--scp", "e.scp", "--ways", "2", "--seeds", "2")
    assert code == 2 and "--ways, --seeds: the episodes of --scp say so themselves" in err


def test_an_episode_file_is_read_and_its_oddities_told(icl, recordings):
    line = "zero/0_ann_0.wav,one/1_ann_0.wav,one/1_ann_1.wav,\n"
    (recordings / "e.scp").write_text(line)
    for path in (recordings / "recordings").iterdir():
        path.rename(recordings / path.name)
    code, out, err = icl("fsdd", "--scp", str(recordings / "e.scp"))
    assert (code, err) == (0, "") and "query among examples: 0" in out and "fsdd e.scp" in out


def test_a_protocol_fixes_its_rows(icl, recordings):
    code, _, err = icl("fsdd", "--protocol", "pocket", "--ways", "2")
    assert code == 2 and "--ways: the rows of a protocol say so themselves" in err
    code, _, err = icl("--protocol", "none")
    assert code == 1 and "pocket, uniaudio15" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "name a task"),
        (["fsdd", "mystery"], r"no task is called \['mystery'\]"),
        (["fsdd", "--ways", "1"], "2 labels or more"),
        (["fsdd", "--set", "scales"], "not NAME=VALUE"),
        (["fsdd", "--json", "nowhere/r.jsonl"], "its folder does not exist"),
    ],
)
def test_wrong_use_is_one_line(icl, argv, message):
    code, _, err = icl(*argv)
    assert code == 2 and err.count("\n") == 1
    assert re.search(message, err)


def test_evaluate_without_data_says_how_to_name_it(pair, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLM_CODEC_DATA", raising=False)
    models = ["--codec", str(pair / "codec"), "--llm", str(pair / "llm")]
    assert cli.main(["evaluate", "fsdd", *models]) == 1
    err = capfd.readouterr().err
    assert "--data" in err and err.startswith("icl: error: ") and err.count("\n") == 1


def test_learners_keep_their_own_defaults():
    parser = Parser(prog="icl")
    add(parser.add_subparsers())
    args = parser.parse_args(["evaluate", "fsdd"])
    assert args.template is None and args.scales is None and args.repeats is None
