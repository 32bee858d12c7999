"""A record as lines of text, and what a protocol wants of it."""

from __future__ import annotations

import operator
from typing import Any

from icl.evaluation.record import Record

METHODS = {  # keys of references: how they are called
    "mfcc_nearest_mean": "nearest mean, MFCC",
    "words_nearest_mean": "nearest mean, words",
    "majority": "most asked label",
}
SENSES = {
    "at_least": operator.ge, "above": operator.gt, "at_most": operator.le, "below": operator.lt
}  # fmt: skip


def table(record: Record) -> str:
    """What one run found, for people: a few lines of text."""
    lines = [_title(record), *_scores(record.summary), *_metrics(record.summary)]
    lines += _asides(record) + [verdict.text for verdict in verdicts(record)]
    prints = ", ".join(f"{part} {value}" for part, value in record.run["fingerprints"].items())
    costs = f"{record.summary['seconds']:.1f} s, {record.summary['tokens_run']} tokens run, "
    return "\n".join([*lines, f"{prints}; {costs}{record.summary['tokens_saved']} saved\n"])


class Verdict:
    """Whether a figure of a record reaches a goal of its protocol.

    Args:
        summary: of the record.
        goal: ``kind`` (must or aim), ``measure`` (path of a figure), and one of `SENSES`: a
            number, or the path of another figure; ``plus`` is added to it.
    """

    def __init__(self, summary: dict[str, Any], goal: dict[str, Any]) -> None:
        self.kind, self.measure = goal["kind"], goal["measure"]
        self.found = look_up(summary, self.measure)
        (self.sense,) = SENSES.keys() & goal.keys()
        wanted = goal[self.sense]
        limit = look_up(summary, wanted) if isinstance(wanted, str) else wanted
        self.limit = None if limit is None else limit + goal.get("plus", 0)

    @property
    def met(self) -> bool | None:
        """None where the record does not hold the figures."""
        if self.found is None or self.limit is None:
            return None
        return SENSES[self.sense](self.found, self.limit)

    @property
    def text(self) -> str:
        """One line."""
        if self.met is None:
            return f"  {self.kind}: {self.measure} was not measured"
        outcome = "met" if self.met else "MISSED"
        wanted = f"{self.sense.replace('_', ' ')} {self.limit:.3f}"
        return f"  {self.kind} {outcome}: {self.measure} is {self.found:.3f}, wanted {wanted}"


def verdicts(record: Record) -> list[Verdict]:
    """One for every goal of the record's row."""
    goals = record.run["row"]["notes"].get("goals", [])
    return [Verdict(record.summary, goal) for goal in goals]


def look_up(summary: dict[str, Any], path: str) -> float | None:
    """The figure at a path of keys joined by ``/``; None where there is none."""
    found: Any = summary
    for key in path.split("/"):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def ends(interval: list[float]) -> str:
    """An interval of shares, in per cent."""
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _title(record: Record) -> str:
    row, task = record.run["row"], record.run["task"]
    chance = record.summary.get("chance")
    parts = [f"{record.name}", f"{task['name']} v{task['version']}", f"split {row['split']}"]
    parts += [f"seeds 0 to {row['seeds'] - 1}" if row["seeds"] > 1 else "seed 0"]
    return ", ".join(parts + ([] if chance is None else [f"chance {chance:.1%}"]))


def _scores(summary: dict[str, Any]) -> list[str]:
    if "accuracy" not in summary:
        return []
    rows = {"language model": summary}
    rows |= {METHODS.get(name, name): score for name, score in summary["references"].items()}
    head = f"  {'method':<20}{'accuracy':>9}{'s.e.':>7}{'n':>7}   {'95 % interval':<18}over clips"
    return [head] + [
        f"  {name:<20}{score['accuracy']:>9.1%}{score['standard_error']:>7.1%}{score['n']:>7}   "
        f"{ends(score['interval_95']):<18}{ends(score['clip_bootstrap_interval_95'])}"
        for name, score in rows.items()
    ]


def _metrics(summary: dict[str, Any]) -> list[str]:
    lines = []
    for group, metrics in summary.get("metrics", {}).items():
        n = next(iter(metrics.values()))["n"]
        values = ", ".join(f"{name} {value['mean']:.3f}" for name, value in metrics.items())
        lines.append(f"  {group} (n {n}): {values}")
    return lines


def _asides(record: Record) -> list[str]:
    summary, lines = record.summary, []
    if "calibration" in summary:
        lines.append(f"  expected calibration error {summary['calibration']['ece']:.3f}")
    if flips := summary.get("order_flips"):
        lines.append(
            f"  {flips['share']:.1%} of {flips['n']} answers change with the order of examples"
        )
    if left := summary.get("left_out"):
        lines.append(f"  {left['n']} questions were left out:")
        lines += [f"    {count} for {why}" for why, count in left["reasons"].items()]
    kinds = summary.get("by_group", {})
    if kinds:
        lines.append("  " + ", ".join(f"{kind} {share:.1%}" for kind, share in kinds.items()))
    for name, value in {**record.run.get("grader", {}), **record.run.get("oddities", {})}.items():
        shown = f"{value['accuracy']:.1%} (n {value['n']})" if isinstance(value, dict) else value
        lines.append(f"  {name.replace('_', ' ')}: {shown}")
    return lines
