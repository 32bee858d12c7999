"""``icl evaluate``: answers to questions of data sets, next to references."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from icl.commands import options
from icl.parser import UsageError, at_least, require_folder

# Arguments of a learner that are no settings of a row, or mean something else in a row.
OUTSIDE = ("codec", "llm", "tokenizer", "repeats", "seed")
DRAWN = ("ways", "shots", "seeds", "speakers", "labels")  # an episode file draws nothing
# What making sounds has no use for.
CLASSIFIED = ("speakers", "labels", "other_orders", "scp", "orders", "views", "views_shown")


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure few-shot learning on data sets, next to references",
        epilog="example: icl evaluate fsdd --ways 2 5 --shots 1 5 --json fsdd.jsonl",
        conflict_handler="resolve",  # here, several values may be given for --repeats
    )
    options.add_learner(parser)
    parser.set_defaults(template=None, scales=None)  # each learner's own
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="see icl tasks")
    parser.add_argument("--protocol", metavar="NAME", help="pocket or uniaudio15")
    several = {"nargs": "+", "metavar": "N", "type": at_least(1)}
    parser.add_argument("--ways", **several, help="labels (default: the task's)")
    parser.add_argument("--shots", **several, help="of each label (default: the task's)")
    parser.add_argument("--repeats", **several, help="times examples are shown")
    parser.add_argument("--seeds", type=at_least(1), metavar="N", help="draws 0 to N-1 (default 1)")
    parser.add_argument("--limit", type=at_least(1), metavar="N",
                        help="questions of a draw (500; all of an --scp)")
    parser.add_argument("--other-orders", type=at_least(0), metavar="N",
                        help="other seeds of the orders, to count answers that change with it (0)")
    parser.add_argument("--orders", type=at_least(1), metavar="N",
                        help="orders of the examples that probabilities are averaged over (1)")
    parser.add_argument("--views", type=at_least(1), metavar="N",
                        help="times a clip is heard, a little later each (1)")
    parser.add_argument("--views-shown", type=at_least(1), metavar="N",
                        help="how many of them a prompt shows of every example (1)")
    parser.add_argument("--temperature", type=_value, metavar="T",
                        help="auto, fit (on the examples), or a number (the learner's own)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="another setting of the learner, e.g. calibrate=contextual; VALUE may be JSON",
    )  # fmt: skip
    parser.add_argument("--split", help="default dev")
    parser.add_argument("--speakers", choices=("any", "same", "other"), help="of the examples")
    parser.add_argument("--labels", choices=("all", "unseen"), help="unseen: those not in train")
    parser.add_argument("--scp", metavar="FILE", help="episode file, its clips in --data")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default $LLM_CODEC_DATA")
    parser.add_argument("--json", metavar="FILE", help="record to write or go on with; - is stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate row after row, and print a table of each, or the record."""
    rows = _of_protocol(args) if args.protocol else _of_arguments(args)
    path = None if args.json in (None, "-") else Path(args.json)
    require_folder("--json", path)
    options.keep_quiet()
    from icl.evaluation import Models, evaluate
    from icl.report.table import table

    records = evaluate(
        rows,
        Models(args.codec, args.llm, getattr(args, "tokenizer", None)),
        root=args.data,
        path=path,
        progress=sys.stderr.isatty(),
        command=args.command_line,
        report=lambda record: None if args.json == "-" else print(table(record), flush=True),
    )
    if args.json == "-":
        for line in (line for r in records for line in (r.run, *r.items, r.summary)):
            print(json.dumps(line, ensure_ascii=False))
    return 0


def _of_arguments(args: argparse.Namespace) -> list[Any]:
    """A row for every combination of task, ways, shots and repeats."""
    from icl import tasks
    from icl.evaluation import Row

    if not args.tasks:
        raise UsageError("name a task, or a --protocol (see icl tasks)")
    if unknown := sorted(set(args.tasks) - set(tasks.TASKS)):
        raise UsageError(f"no task is called {unknown}; there are {', '.join(tasks.TASKS)}")
    fixed = {"episodes": args.scp or "", **({"limit": 0} if args.scp else {}), **_given(args)}
    if args.scp:
        _refuse(args, DRAWN, "the episodes of --scp say so themselves")
    rows = []
    for task in map(tasks.get, args.tasks):
        if not isinstance(task, tasks.ClassificationTask):
            _refuse(args, CLASSIFIED, f"{task.name} makes sounds, and has no such choice")
        fixed["settings"] = _settings(args, task)
        if isinstance(task, tasks.ClassificationTask) and 1 in (args.ways or ()):
            raise UsageError(f"--ways 1: {task.name} needs 2 labels or more to choose from")
        each = (args.ways or [task.ways], args.shots or [task.shots], args.repeats or [1])
        rows += [
            Row(task.name, ways, shots, repeats, **fixed) for ways, shots, repeats in product(*each)
        ]
    return rows


def _of_protocol(args: argparse.Namespace) -> list[Any]:
    """Rows of a protocol; how many questions, and settings of the learner, may be given anew."""
    from icl import tasks
    from icl.evaluation import load_protocol

    fixed = ("ways", "shots", "repeats", "scp", "labels", "speakers")
    _refuse(args, fixed, "the rows of a protocol say so themselves")
    changes = _given(args)
    return [
        dataclasses.replace(
            row, **changes, settings={**row.settings, **_settings(args, tasks.get(row.task))}
        )
        for row in load_protocol(args.protocol, args.tasks).rows
    ]


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Fields of a row that were given."""
    names = ("seeds", "limit", "split", "speakers", "labels")
    found = {name: getattr(args, name) for name in names} | {"orders": args.other_orders}
    return {name: value for name, value in found.items() if value is not None}


def _refuse(args: argparse.Namespace, names: Sequence[str], why: str) -> None:
    given = [name for name in names if getattr(args, name) is not None]
    if given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise UsageError(f"{options}: {why}")


def _settings(args: argparse.Namespace, task: Any) -> dict[str, Any]:
    """Settings given of the learner that the task asks."""
    from icl import FewShotClassifier, FewShotGenerator
    from icl.tasks import ClassificationTask

    kind = FewShotClassifier if isinstance(task, ClassificationTask) else FewShotGenerator
    known = set(inspect.signature(kind).parameters) - set(OUTSIDE)
    given = {name: getattr(args, name, None) for name in sorted(known)}
    more = dict(map(_setting, args.set))
    return {**{name: value for name, value in given.items() if value is not None}, **more}


def _setting(text: str) -> tuple[str, Any]:
    """Name and value of ``NAME=VALUE``."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"--set {text!r} is not NAME=VALUE")
    return name, _value(value)


def _value(text: str) -> Any:
    """JSON if it is that, else the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text
