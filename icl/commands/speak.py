"""``icl speak``: say or sound a text, given how others are said."""

from __future__ import annotations

from typing import Any

from icl.commands import making


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = making.add(
        commands, "speak", "TEXT=FILE", "what to say, such as: two, or 1 + 1",
        help="say a text, or make the sound it names, given others",
        epilog="example: icl speak '1 + 1' -o two.wav --example one=one.wav --example two=2.wav",
    )  # fmt: skip
    parser.add_argument("--resolve", action="store_true",
                        help="ask in text first which example a text comes to")
