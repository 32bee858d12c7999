"""``icl enhance``: clean a sound as example pairs show, or turn it into another one."""

from __future__ import annotations

import argparse
from typing import Any

from icl.commands import making, options


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "enhance",
        help="make a noisy sound clean, given pairs",
        epilog="example: icl enhance noisy.wav -o clean.wav --example a-noisy.wav=a-clean.wav",
    )
    parser.add_argument("query", metavar="NOISY", help="audio file")
    making.add(parser, "NOISY=CLEAN", "enhance")
    parser.add_argument(
        "--as", dest="job", choices=("enhance", "convert"), default="enhance",
        help="convert: the result may last longer or shorter, as in the examples",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Clean one file."""
    return making.make(args, args.query, options.split_pairs(args.example, "NOISY=CLEAN"))
