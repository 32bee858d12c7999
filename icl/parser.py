"""Arguments of the ``icl`` command, and how it says what went wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

from llm_codec import failure, parser
from llm_codec.parser import UsageError, at_least, require_folder, seed

__all__ = ["Parser", "UsageError", "at_least", "report_failure", "require_folder", "seed"]

report_failure = partial(failure.report, program="icl")


class Parser(parser.Parser):
    """Reports wrong arguments in one line, and has ``--debug`` at every level."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.add_argument("--debug", action="store_true", help="show where an error came from")
