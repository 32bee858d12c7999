"""``icl evaluate``: accuracy on a data set, next to references."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from icl.commands import options
from icl.parser import UsageError, at_least


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "evaluate",
        help="accuracy on a data set, next to references",
        epilog="example: icl evaluate fsdd --ways 2 --shots 1 --data ~/free-spoken-digit-dataset",
    )
    parser.add_argument("task", metavar="TASK", help="fsdd")
    parser.add_argument("--ways", type=at_least(2), default=2, help="labels (default 2)")
    parser.add_argument("--shots", type=at_least(1), default=1, help="of each (default 1)")
    parser.add_argument("--episodes", type=at_least(1), default=500, help="default 500")
    parser.add_argument("--seed", type=int, default=0, help="draws the same episodes (default 0)")
    parser.add_argument("--split", default="dev", help="default dev")
    parser.add_argument("--speakers", choices=("any", "same", "other"), default="any")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default $LLM_CODEC_DATA")
    parser.add_argument("--json", metavar="FILE", help="write the whole record; - is stdout")
    options.add_learner(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate and print a table, or the record."""
    from icl import tasks

    if args.task not in tasks.TASKS:
        raise UsageError(f"no task is called {args.task!r}; there are {sorted(tasks.TASKS)}")
    if args.json and not Path(args.json).absolute().parent.is_dir():  # known before hours of work
        raise UsageError(f"--json {args.json}: its folder does not exist")
    learner = options.classifier(args)
    from icl.evaluate import evaluate

    record = evaluate(
        tasks.get(args.task),
        learner,
        ways=args.ways,
        shots=args.shots,
        episodes=args.episodes,
        seed=args.seed,
        split=args.split,
        root=args.data,
        speakers=args.speakers,
        progress=sys.stderr.isatty(),
        command=args.command_line,
    )
    if args.json and args.json != "-":
        record.save(args.json)
    print(record.to_json() if args.json == "-" else record.table())
    return 0
