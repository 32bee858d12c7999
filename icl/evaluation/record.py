"""Records: JSON lines on disk while an evaluation runs, so that a kill loses nothing.

A file is a sequence of runs. A run is one line of type ``run`` (all that its answers follow from),
one of type ``item`` for every question, and one of type ``summary``, which follows from the lines
before it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FORMAT = 2
START = b'{"type": "'  # of every line
Line = dict[str, Any]


class RecordError(ValueError):
    """A record that cannot be read, or that belongs to another evaluation."""


@dataclass
class Record:
    """One run.

    Args:
        run: what was done: row, task, settings, fingerprints, versions, command.
        items: one for each question.
        summary: None while the run is not finished.
    """

    run: Line
    items: list[Line] = field(default_factory=list)
    summary: Line | None = None

    @property
    def name(self) -> str:
        """Names the run, e.g. ``fsdd 2-way 1-shot``."""
        return self.run["name"]


class RecordFile:
    """Appends lines to a file; what an earlier, unfinished evaluation wrote there is kept.

    Args:
        path: the file, new or of the very same evaluation; None keeps lines in memory only.

    Raises:
        RecordError: the file holds something else.
        OSError: it cannot be read or written.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = Path(path) if path is not None else None
        self.records: list[Record] = []
        self._kept = iter(_whole_lines(self.path) if self.path and self.path.exists() else [])
        self._ahead = next(self._kept, None)

    def begin(self, run: Line) -> list[Line]:
        """Start a run; returns the items of it that are there already."""
        run = _plain({"type": "run", "format": FORMAT, **run})
        if self._ahead is None:
            self._write(run)
        else:
            self._require_same(run)
            run = self._take()
        record = Record(run)
        self.records.append(record)
        while self._ahead is not None and self._ahead["type"] == "item":
            record.items.append(self._take())
        return record.items

    def append(self, item: Line) -> None:
        """Add an item to the run; it is on disk when this returns."""
        if self._ahead is not None:
            raise RecordError(f"{self.path} holds other items than this evaluation would add")
        item = _plain({"type": "item", **item})
        self._write(item)
        self.records[-1].items.append(item)

    def finish(self, summary: Line) -> Line:
        """End the run; returns the summary, the one that is there already if there is."""
        if self._ahead is not None and self._ahead["type"] == "summary":
            summary = self._take()
        else:
            summary = _plain({"type": "summary", **summary})
            self._write(summary)
        self.records[-1].summary = summary
        return summary

    def _take(self) -> Line:
        line, self._ahead = self._ahead, next(self._kept, None)
        return line

    def _require_same(self, run: Line) -> None:
        there = self._ahead
        keys = sorted({*there, *run} - {"command"})
        differ = [key for key in keys if there.get(key) != run.get(key)]
        if differ:
            seen = "; ".join(f"{k}: {_difference(there.get(k), run.get(k))}" for k in differ)
            raise RecordError(
                f"{self.path} holds another evaluation, which differs in {seen}; give another "
                "file, or remove this one"
            )

    def _write(self, line: Line) -> None:
        if self.path is None:
            return
        with self.path.open("ab") as file:  # one write a line: a kill tears the last at most
            file.write((json.dumps(line, ensure_ascii=False) + "\n").encode())


def read_records(path: str | Path) -> list[Record]:
    """All runs of a file; the last one may be unfinished.

    Raises:
        RecordError: it is no record.
        OSError: it cannot be read.
    """
    records: list[Record] = []
    for line in _lines(Path(path).read_bytes(), Path(path)):
        if line["type"] == "run":
            records.append(Record(line))
        elif not records:
            raise RecordError(f"{path} begins with a line of type {line['type']!r}, not with a run")
        elif line["type"] == "item":
            records[-1].items.append(line)
        else:
            records[-1].summary = line
    if not records:
        raise RecordError(f"{path} holds no run")
    return records


def _whole_lines(path: Path) -> list[Line]:
    """Lines of a file; what a kill tore off at its end is cut."""
    data = path.read_bytes()
    lines = [*_lines(data, path)]
    whole = data.rfind(b"\n") + 1
    torn = data[whole:]
    if torn[: len(START)] != START[: len(torn)]:  # never cut a file that is not ours
        raise _foreign(path, len(lines) + 1)
    if torn:
        os.truncate(path, whole)
    return lines


def _lines(data: bytes, path: Path) -> Iterator[Line]:
    *whole, _torn = data.split(b"\n")
    for number, text in enumerate(whole, start=1):
        try:
            line = json.loads(text)
            known = line["type"] in ("run", "item", "summary")
        except (ValueError, KeyError, TypeError):
            known = False
        if not known or (line["type"] == "run" and line.get("format") != FORMAT):
            raise _foreign(path, number)
        yield line


def _foreign(path: Path, number: int) -> RecordError:
    return RecordError(
        f"{path} line {number} is no line of a record of format {FORMAT}; the file was not "
        "written by `icl evaluate --json`, or by another version of it"
    )


def _plain(line: Line) -> Line:
    """The line as it will be read back: tuples are lists."""
    return json.loads(json.dumps(line, ensure_ascii=False))


def _difference(there: Any, here: Any) -> str:
    """The parts in which two values differ, shortened."""
    if isinstance(there, dict) and isinstance(here, dict):
        keys = [key for key in {**there, **here} if there.get(key) != here.get(key)]
        return ", ".join(f"{key} {there.get(key)!r} there, {here.get(key)!r} here" for key in keys)
    return f"{str(there)[:60]!r} there, {str(here)[:60]!r} here"
