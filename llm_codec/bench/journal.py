"""Journal: what a run has measured so far, a line a clip, so that a killed run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_codec.bench.worker import Line


class JournalError(ValueError):
    """The file on disk belongs to another run."""


class Journal:
    """An append-only file: the header of the run, then what `Worker.measure` gave for each clip.

    Only the names of clips are held in memory; iterating reads the clips back one by one.

    Args:
        path: made if it is not there.
        header: what the run depends on; a file of another header is refused.

    Raises:
        JournalError: the file is of another run.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, header: Line) -> None:
        self.path = path
        self.done: set[str] = set()
        if path.exists():
            self._read(header)
        self.file = path.open("a", encoding="utf-8")
        if not path.stat().st_size:
            self._write(header)

    def add(self, measured: Line) -> None:
        """Append a clip; what was written before a kill stays."""
        self._write(measured)
        self.done.add(measured["clip"])

    def __iter__(self) -> Iterator[Line]:
        """What was measured, in the order in which it was done."""
        lines = read_lines(self.path)
        next(lines)
        return lines

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _write(self, line: Line) -> None:
        self.file.write(to_json(line) + "\n")
        self.file.flush()

    def _read(self, header: Line) -> None:
        """Takes over what is there, less a last line that was cut short."""
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        lines = read_lines(self.path)
        if next(lines, header) != json.loads(to_json(header)):
            raise JournalError(f"{self.path} is of another run (other clips, codecs, settings or "
                               "versions); give --force to start anew")
        self.done = {line["clip"] for line in lines}


def read_lines(path: Path) -> Iterator[Line]:
    """JSON lines of a file, one by one.

    Raises:
        JournalError: a line is not JSON.
    """
    with path.open(encoding="utf-8") as file:
        try:
            yield from map(json.loads, file)
        except ValueError as error:
            raise JournalError(f"{path} is not a record of JSON lines ({error})") from error


def to_json(line: dict[str, Any]) -> str:
    """One line, the same for the same values."""
    return json.dumps(line, ensure_ascii=False, allow_nan=False)
