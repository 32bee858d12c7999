"""Tables of a report, as data that is written as Markdown or as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from icl.evaluation import Record, load_protocol
from icl.report.table import METHODS, ends, look_up, verdicts

PER_CENT = "% right"


@dataclass(frozen=True)
class Section:
    """A titled table.

    Args:
        title: above it.
        head: names of the columns.
        rows: cells, as text.
        text: a few sentences between title and table.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""

    def markdown(self) -> str:
        """As Markdown."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        escaped = [[cell.replace("|", "\\|") for cell in row] for row in lines]
        table = [f"| {' | '.join(row)} |" for row in escaped]
        return "\n".join([f"## {self.title}", "", *([self.text, ""] if self.text else []), *table])

    def html(self) -> str:
        """As HTML."""
        return (
            f"<h2>{html.escape(self.title)}</h2><p>{html.escape(self.text)}</p><table>"
            + _html_row(self.head, "th")
            + "".join(_html_row(row, "td") for row in self.rows)
            + "</table>"
        )


def sections(records: Sequence[Record]) -> list[Section]:
    """All tables that the records have something for."""
    tables = [scores, measurements, conditions, goals, published]
    return [section for section in (table(records) for table in tables) if section.rows]


def scores(records: Sequence[Record]) -> Section:
    """Right answers of the language model and of the references."""
    kinds = [*METHODS]
    head = ["run", "right, %", "s.e.", "95 %, answers", "95 %, clips", "n", *METHODS.values(),
            "chance, %", "ECE", "order flips, %"]  # fmt: skip
    rows = []
    for record in records:
        summary = record.summary
        if "accuracy" not in summary:
            continue
        refs = [look_up(summary, f"references/{kind}/accuracy") for kind in kinds]
        rows.append([
            record.name, _percent(summary["accuracy"]), _percent(summary["standard_error"]),
            ends(summary["interval_95"]), ends(summary["clip_bootstrap_interval_95"]),
            str(summary["n"]), *map(_percent, refs), _percent(summary["chance"]),
            _number(look_up(summary, "calibration/ece")),
            _percent(look_up(summary, "order_flips/share")),
        ])  # fmt: skip
    return Section("Right answers", head, rows)


def measurements(records: Sequence[Record]) -> Section:
    """Means and standard errors of measured answers, over each group of questions."""
    measured = [record for record in records if "metrics" in record.summary]
    names = list(dict.fromkeys(
        name for r in measured for values in r.summary["metrics"].values() for name in values
    ))  # fmt: skip
    rows = [
        [record.name, group, str(next(iter(values.values()))["n"]),
         *(_mean(values.get(name)) for name in names)]
        for record in measured
        for group, values in record.summary["metrics"].items()
    ]  # fmt: skip
    text = "Mean ± standard error; intervals over clips are in the records."
    return Section("Measured answers", ["run", "questions", "n", *names], rows, text)


def conditions(records: Sequence[Record]) -> Section:
    """What each run was made with."""
    head = ["run", "task", "licence", "split", "seeds", "template", "codec", "language model",
            "seconds", "tokens run", "tokens saved", "judge", "command"]  # fmt: skip
    rows = []
    for record in records:
        run, summary = record.run, record.summary
        rows.append([
            record.name, f"{run['task']['name']} v{run['task']['version']}",
            run["task"]["licence"], run["row"]["split"], str(run["row"]["seeds"]),
            str(run["settings"]["template"] or "the job's"), run["fingerprints"]["codec"],
            run["fingerprints"]["llm"], f"{summary['seconds']:.1f}", str(summary["tokens_run"]),
            str(summary["tokens_saved"]), _judge(run.get("grader", {})), f"`{run['command']}`",
        ])  # fmt: skip
    return Section("How they were made", head, rows)


def goals(records: Sequence[Record]) -> Section:
    """What protocols want, and whether it is reached."""
    rows = [
        [record.name, verdict.kind, verdict.measure, _number(verdict.found),
         f"{verdict.sense.replace('_', ' ')} {_number(verdict.limit)}",
         {True: "met", False: "missed", None: "not measured"}[verdict.met]]
        for record in records
        for verdict in verdicts(record)
    ]  # fmt: skip
    return Section("Goals", ["run", "kind", "measure", "found", "wanted", "outcome"], rows)


def published(records: Sequence[Record]) -> Section:
    """Our figures beside published ones, and in what they differ; then those that are not run."""
    head = ["table", "run", "published", "here", "unit", "data", "language model", "clips",
            "template"]  # fmt: skip
    rows, names = [], set()
    for record in records:
        notes = record.run["row"]["notes"]
        if "published" not in notes:
            continue
        names.add(notes["protocol"])
        differs = notes["differs"]
        template = str(record.run["settings"]["template"] or "the job's")
        rows.append([
            notes["table"], record.name, _quote(notes["published"]), _ours(record), notes["unit"],
            differs["data"], differs["llm"], differs["clips"], f"published there; {template} here",
        ])  # fmt: skip
    protocols = [load_protocol(name) for name in sorted(names)]
    rows += [
        [quoted["table"], "not run", _quote(quoted["published"]), "", quoted["unit"],
         quoted["reason"], "", "", ""]
        for protocol in protocols
        for quoted in protocol.quoted
    ]  # fmt: skip
    text = " ".join(protocol.description for protocol in protocols)
    return Section("Beside published figures", head, rows, text)


def _ours(record: Record) -> str:
    notes, summary = record.run["row"]["notes"], record.summary
    value = look_up(summary, notes["measure"])
    if notes["unit"] != PER_CENT:
        return _number(value)
    return f"{_percent(value)} ({ends(summary['clip_bootstrap_interval_95'])}, n {summary['n']})"


def _quote(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items()) or "not recovered"


def _judge(about: dict) -> str:
    parts = [f"{about['judge']}"] if "judge" in about else []
    parts += [
        f"{name.replace('_', ' ')} {_percent(score['accuracy'])} % (n {score['n']})"
        for name, score in about.items()
        if isinstance(score, dict)
    ]
    return "; ".join(parts)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f}"


def _mean(value: dict | None) -> str:
    return "" if value is None else f"{value['mean']:.3f} ± {value['standard_error']:.3f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _html_row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
