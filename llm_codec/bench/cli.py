"""``llm-codec bench``: measure codecs."""

from __future__ import annotations

from collections.abc import Sequence

from llm_codec.parser import UsageError


def main(argv: Sequence[str]) -> int:
    """Runs the benchmark that the arguments ask for; returns the exit code."""
    if "--speed" not in argv:
        raise UsageError("expected --speed (see llm-codec bench --speed --help)")
    from llm_codec.bench import speed

    return speed.main(argv)
