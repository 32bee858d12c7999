"""Arguments and exit codes of the ``icl`` command, and how it says what went wrong."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

WORK_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130  # exit codes


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


def report_failure(error: BaseException, debug: bool, code: int) -> int:
    """Report an error on one line of stderr; returns the exit code."""
    if debug:
        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        message = f"{error.filename}: {error.strerror}"
    else:
        message = " ".join(str(error).split()) or "interrupted"
    print(f"icl: error: {message}", file=sys.stderr)
    return code
