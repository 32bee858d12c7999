"""Arguments of the ``llm-codec`` command, and how it says that they are wrong."""

from __future__ import annotations

import argparse
from collections.abc import Callable
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
