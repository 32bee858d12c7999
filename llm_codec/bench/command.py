"""The command that makes a record again, and the settings that its numbers depend on."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from llm_codec.parser import UsageError, require_folder

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
    """`require_folder` for every output that the command has."""
    for name in OUTPUTS:
        require_folder(f"--{name}", getattr(args, name, None))


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
