"""Arguments of the ``llm-codec`` command, and how it says that they are wrong."""

from __future__ import annotations

import argparse
from typing import NoReturn


class UsageError(Exception):
    """The command was asked for something it does not do; exit code 2."""


class Parser(argparse.ArgumentParser):
    """Errors take one line: what is wrong, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        """Raises `UsageError` where argparse would print and exit."""
        raise UsageError(f"{message} (see {self.prog} --help)")
