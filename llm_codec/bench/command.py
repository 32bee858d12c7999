"""The command that makes a record again, and the settings that its numbers depend on."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from llm_codec.parser import UsageError

OUTPUTS = ("json", "summary", "html", "plot")  # options that name a file to write


def names(text: str, option: str) -> list[str]:
    """Names between commas.

    Raises:
        UsageError: there is none, or one twice.
    """
    found = [name.strip() for name in text.split(",") if name.strip()]
    if len(set(found)) < len(found) or not found:
        raise UsageError(f"{option} is {text!r}; expected different names")
    return found


def check_folders(args: argparse.Namespace) -> None:
    """Makes sure, before hours of work, that what is to be written has a folder.

    Raises:
        UsageError: the folder of an output does not exist.
    """
    for name in OUTPUTS:
        path = getattr(args, name, None)
        if path and not path.absolute().parent.is_dir():
            raise UsageError(f"--{name} {path}: its folder does not exist")


def settings(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Arguments of those names that were given, as JSON values; the seed in any case."""
    values = {name: getattr(args, name) for name in names if getattr(args, name)}
    return values | {"data": str(args.data), "seed": args.seed}


def line(settings: Mapping[str, Any]) -> str:
    """The command that makes the same numbers; where they go is left out."""
    words = ["llm-codec", "bench"]
    for name, value in settings.items():
        option = f"--{name.replace('_', '-')}"
        words += [option] if value is True else [option, str(value)]
    return shlex.join(words)
