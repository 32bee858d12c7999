"""Arguments of the ``icl`` command, and how it says that they are wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, NoReturn


class UsageError(Exception):
    """The command was called in a way it cannot work."""


class Parser(argparse.ArgumentParser):
    """Reports wrong arguments in one line, and has ``--debug`` at every level."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_argument("--debug", action="store_true", help="show where an error came from")

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse would print its usage block and exit."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def at_least(lowest: int) -> Callable[[str], int]:
    """Argument type: a whole number, ``lowest`` or more."""

    def number(text: str) -> int:
        if not text.lstrip("-").isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {lowest} or more")
        return int(text)

    return number
