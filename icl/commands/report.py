"""``icl report``: tables and plots of evaluation records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "report",
        help="tables and plots of evaluation records",
        epilog="example: icl report fsdd.jsonl --out fsdd-report",
    )
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORD", help="of icl evaluate")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="made if not there")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write a report and print the names of its files."""
    from icl.report.page import draw, load, write

    records, unfinished = load(args.records)
    for name in unfinished:
        print(f"icl: warning: {name} is not finished and left out", file=sys.stderr)
    try:
        images = draw(records)
    except ImportError as error:
        print(f"icl: warning: plots are left out; {error}", file=sys.stderr)
        images = {}
    print(*write(records, args.out, images), sep="\n")
    return 0
