"""``icl speak``: say or sound a text, given how others are said."""

from __future__ import annotations

import argparse
from typing import Any

from icl.commands import making, options


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "speak",
        help="say a text, or make the sound it names, given others",
        epilog="example: icl speak '1 + 1' -o two.wav --example one=one.wav --example two=2.wav",
    )
    parser.add_argument("query", metavar="TEXT", help="what to say, such as: two, or 1 + 1")
    making.add(parser, "TEXT=FILE", "speak")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Say one text."""
    return making.make(args, args.query, options.split_pairs(args.example, "TEXT=FILE"))
