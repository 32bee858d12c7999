"""The ``icl`` command as tests call it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from icl import cli


@pytest.fixture
def icl(capfd: pytest.CaptureFixture) -> Callable[[list[str]], tuple[int, str, str]]:
    """Runs the command and gives its exit code, stdout and stderr."""

    def run(argv: list[str]) -> tuple[int, str, str]:
        try:
            code = cli.main([*map(str, argv)])
        except SystemExit as stopped:
            code = stopped.code
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def classify(icl: Callable, pair: Path, tone_file: Callable) -> Callable:
    """Runs ``icl classify`` with two good examples unless told otherwise."""

    def run(*queries: Path, more: tuple = (), examples: list | None = None, llm=pair / "llm"):
        if examples is None:
            examples = [f"{tone_file(300)}=one", f"{tone_file(1500)}=two"]
        pairs = [part for example in examples for part in ("--example", example)]
        return icl(["classify", *queries, *pairs, "--codec", pair / "codec", "--llm", llm, *more])

    return run
