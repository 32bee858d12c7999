"""``icl enhance``: clean a sound as example pairs show, or turn it into another one."""

from __future__ import annotations

from typing import Any

from icl.commands import making


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = making.add(
        commands, "enhance", "NOISY=CLEAN", "audio file",
        help="make a noisy sound clean, given pairs",
        epilog="example: icl enhance noisy.wav -o clean.wav --example a-noisy.wav=a-clean.wav",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="job", choices=("enhance", "convert"), default="enhance",
        help="convert: the result may last longer or shorter, as in the examples",
    )  # fmt: skip
