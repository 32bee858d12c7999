"""``icl tasks``: what can be evaluated and what can be made."""

from __future__ import annotations

import argparse
import json
from typing import Any


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("tasks", help="list what can be evaluated and made")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List tasks of data sets, then jobs of generators."""
    from icl import jobs, tasks

    listed = {
        "evaluate": {name: tasks.get(name).description for name in tasks.TASKS},
        "make": {name: jobs.get(name).description for name in jobs.JOBS},
    }
    if args.json:
        print(json.dumps(listed))
        return 0
    titles = {"evaluate": "data sets, for icl evaluate", "make": "jobs, for FewShotGenerator"}
    for section, entries in listed.items():
        width = max(map(len, entries))
        rows = [f"  {name:<{width}}  {text}" for name, text in entries.items()]
        print("\n".join([titles[section], *rows]))
    return 0
