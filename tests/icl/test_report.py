"""Reports hold every table and plot their records have something for, and stand alone."""

import re

import pytest

from icl import cli
from icl.evaluation import RecordFile, Row, load_protocol, protocols
from icl.evaluation.summary import summarise
from icl.report.plots import _curves
from icl.report.sections import sections
from icl.report.table import Verdict, table

PRINTS = {"codec": "c0dec", "vocabulary": "w0rds", "llm": "11m"}


def item(number, right=True, **more):
    """An answer to "one or two?", nine tenths sure."""
    gold = ("one", "two")[number % 2]
    predicted = gold if right else ("two", "one")[number % 2]
    probabilities = {name: 0.9 if name == predicted else 0.1 for name in ("one", "two")}
    return {
        "seed": 0, "query": f"{gold}/{number}", "gold": gold, "predicted": predicted,
        "probabilities": probabilities, "references": {"mfcc_nearest_mean": gold},
        "seconds": 0.5, "tokens_run": 10, "tokens_saved": 5, **more,
    }  # fmt: skip


def save(path, rows, finish=True):
    """A record file of rows and their items."""
    file = RecordFile(path)
    for row, items in rows:
        file.begin({
            "name": row.name, "row": row.to_dict(), "settings": {"template": "pocket"},
            "task": {"name": row.task, "version": 1, "description": "", "licence": "CC0"},
            "fingerprints": PRINTS, "versions": {}, "command": "icl evaluate fsdd",
        })  # fmt: skip
        for one in items:
            file.append(one)
        if finish:
            file.finish(summarise(items))
    return file.records


@pytest.fixture
def records(tmp_path):
    goals = [{"kind": "must", "measure": "accuracy", "at_least": 0.75}]
    answers = [item(n, n % 4 > 0, other_orders=["one"]) for n in range(8)]
    measured = [
        {"seed": 0, "query": f"v{n}", "metrics": {"stoi": 0.5 + n / 10}, "groups": ["0 dB"],
         "seconds": 1.0, "tokens_run": 1, "tokens_saved": 0}
        for n in range(3)
    ]  # fmt: skip
    rows = [
        (Row("fsdd", notes={"goals": goals}), answers),
        (Row("fsdd", shots=5), [item(n) for n in range(8)]),
        (Row("enhancement", 1, 4), measured),
    ]
    return save(tmp_path / "r.jsonl", rows)


def test_a_table_for_people_names_every_method_and_cost(records):
    text = table(records[0])
    assert re.search(r"language model +75\.0% +15\.3% +8 +40\.9% to 92\.9%", text)
    assert "nearest mean, MFCC" in text and "chance 50.0%" in text and "c0dec" in text
    assert "expected calibration error 0.150" in text and "4.0 s, 80 tokens run, 40 saved" in text
    assert "75.0% of 8 answers change" in text and "must met: accuracy is 0.750" in text
    assert "stoi 0.600" in table(records[2])


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        ({"measure": "accuracy", "at_least": 0.5}, True),
        ({"measure": "accuracy", "above": 0.5}, False),
        ({"measure": "calibration/ece", "at_most": 0.1}, False),
        ({"measure": "accuracy", "at_least": "references/mfcc/accuracy"}, False),
        ({"measure": "accuracy", "at_least": "references/mfcc/accuracy", "plus": -0.3}, True),
        ({"measure": "order_flips/share", "below": 0.1}, None),
    ],
)
def test_goals_compare_figures_with_numbers_and_with_each_other(goal, met):
    summary = {
        "accuracy": 0.5, "calibration": {"ece": 0.2}, "references": {"mfcc": {"accuracy": 0.7}}
    }  # fmt: skip
    verdict = Verdict(summary, {"kind": "must", **goal})
    assert verdict.met is met
    assert ("not measured" in verdict.text) == (met is None)


def test_a_report_has_tables_and_plots_and_a_page_that_stands_alone(records, tmp_path, capsys):
    assert cli.main(["report", str(tmp_path / "r.jsonl"), "--out", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    plots = {"shots-1.png", "confusion-1.png", "confusion-2.png"}
    plots |= {"reliability-1.png", "reliability-2.png"}
    assert names == {"report.md", "report.html"} | plots
    assert capsys.readouterr().out.count("\n") == len(names)
    for plot in plots:
        assert (tmp_path / "out" / plot).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("data:image/png;base64,") == len(plots) and "http" not in page
    markdown = (tmp_path / "out/report.md").read_text()
    for title in ("Right answers", "Measured answers", "How they were made", "Goals"):
        assert f"## {title}" in markdown and f"<h2>{title}</h2>" in page
    assert "| fsdd 2-way 1-shot | must | accuracy | 0.750 | at least 0.750 | met |" in markdown


def test_published_figures_stand_beside_ours_with_what_differs(tmp_path):
    protocol = load_protocol("uniaudio15", ["emodb"])
    save_to = tmp_path / "u.jsonl"
    (record, *_) = save(save_to, [(row, [item(0), item(1)]) for row in protocol.rows[:2]])
    (section,) = (s for s in sections([record]) if s.title == "Beside published figures")
    first = dict(zip(section.head, section.rows[0], strict=True))
    assert first["published"] == "LLM-Codec 53, BLSP 29, random guess 44"
    assert first["here"].startswith("100.0 (") and "EmoDB" in first["data"]
    assert "LLaMA-2-7B" in first["language model"] and "2406.10056" in section.text
    assert len(section.rows) == 1 + len(protocol.quoted)  # the rest is quoted, and says why
    assert all(row[5] for row in section.rows[1:])


def test_unfinished_runs_are_left_out_and_named(records, tmp_path, capsys):
    save(tmp_path / "half.jsonl", [(Row("emodb"), [item(0)])], finish=False)
    argv = ["report", str(tmp_path / "r.jsonl"), str(tmp_path / "half.jsonl")]
    assert cli.main([*argv, "--out", str(tmp_path / "out")]) == 0
    assert "emodb 2-way 1-shot is not finished" in capsys.readouterr().err
    assert cli.main(["report", argv[2], "--out", str(tmp_path / "none")]) == 1
    assert not (tmp_path / "none").exists()


def test_protocols_are_rows_of_known_tasks():
    from icl import tasks

    assert protocols() == ["pocket", "uniaudio15"]
    for name in protocols():
        protocol = load_protocol(name)
        assert {row.task for row in protocol.rows} <= set(tasks.TASKS)
        assert all(row.notes["protocol"] == name for row in protocol.rows)
    with pytest.raises(ValueError, match="pocket, uniaudio15"):
        load_protocol("other")
    with pytest.raises(ValueError, match="no row of"):
        load_protocol("pocket", ["esc50"])


def test_the_pocket_protocol_asks_five_hundred_questions_a_classification():
    from icl import tasks

    for row in load_protocol("pocket").rows:
        if isinstance(tasks.get(row.task), tasks.ClassificationTask):
            assert row.limit * row.seeds >= 500 and row.orders >= 1


def test_a_curve_joins_runs_that_differ_in_shots_alone(tmp_path):
    runs = [(Row("fsdd", shots=shots, seeds=seeds), [item(0), item(1)])
            for shots, seeds in ((1, 1), (5, 1), (1, 2), (3, 2), (5, 3))]
    curves = _curves(save(tmp_path / "c.jsonl", runs))
    assert [(title, [(r.run["row"]["shots"], r.run["row"]["seeds"]) for r in members])
            for title, members in curves] == [("fsdd 2-way", [(1, 1), (5, 1)]),
                                              ("fsdd 2-way", [(1, 2), (3, 2)])]
    other = save(tmp_path / "d.jsonl", runs[:2])
    other[1].run["fingerprints"] = {"llm": "another"}
    assert _curves(other) == []
