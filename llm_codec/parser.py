"""Arguments of the ``llm-codec`` command, and how it says that they are wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


class UsageError(Exception):
    """The command was asked for something it does not do; exit code 2."""


class Parser(argparse.ArgumentParser):
    """Errors take one line: what is wrong, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError` where argparse would print and exit."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def at_least(lowest: int) -> Callable[[str], int]:
    """Argument type: a whole number, ``lowest`` or more."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {lowest} or more")
        return int(text)

    return number


def seed(text: str) -> int:
    """Argument type: what every generator of random numbers here takes."""
    number = at_least(0)(text)
    if number >= 2**63:
        raise argparse.ArgumentTypeError(f"{text} is too large for a seed; give less than 2^63")
    return number


def require_folder(option: str, path: Path | None) -> None:
    """Makes sure, before hours of work, that what an option names can be written.

    Args:
        option: as it is typed.
        path: of the file; None if none was asked for.

    Raises:
        UsageError: the folder it would lie in does not exist.
    """
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(f"{option} {path}: its folder does not exist")
