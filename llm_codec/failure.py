"""Failures on the command line: exit codes, and the one line that tells of each."""

from __future__ import annotations

import sys
import traceback

from tqdm import tqdm

FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def report(error: BaseException, debug: bool, code: int, program: str = "llm-codec") -> int:
    """Writes an error on one line of stderr.

    Args:
        error: what happened.
        debug: show the traceback as well.
        code: exit code that it leads to.
        program: whose error it is.

    Returns:
        ``code``.
    """
    if debug:
        traceback.print_exception(error)
    tqdm.write(f"{program}: error: {message(error)}", file=sys.stderr)
    return code


def message(error: BaseException) -> str:
    """What an error says, on one line, with the file it is about."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
