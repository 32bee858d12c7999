"""Arguments and exit codes of the ``icl`` command, and how it says what went wrong."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from llm_codec import parser
from llm_codec.parser import UsageError, at_least

__all__ = ["Parser", "UsageError", "at_least", "report_failure"]


WORK_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130  # exit codes


class Parser(parser.Parser):
    """Reports wrong arguments in one line, and has ``--debug`` at every level."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_argument("--debug", action="store_true", help="show where an error came from")


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
