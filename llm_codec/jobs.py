"""Jobs: the files of a folder, or one file, and where the output of each goes.

Files are worked on one by one, so that each is written, or fails, by itself. As a batch, short
clips would take half to three quarters of the time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_codec.failure import FAILED, report
from llm_codec.parser import UsageError

Job = tuple[Path, Path]  # input, output
Work = Callable[[Path, Path], dict[str, Any]]
Done = Callable[[Path, Path], bool]


def find(
    source: Path, out: Path | None, reads: Sequence[str], writes: Sequence[str]
) -> list[Job]:
    """Every input file and where its output goes.

    Args:
        source: a file, taken whatever its name, or a folder.
        out: output file or folder; None puts outputs beside inputs.
        reads: suffixes that are taken from a folder.
        writes: suffixes an output may have, the usual one first.

    Raises:
        FileNotFoundError: there is nothing to do.
        UsageError: the output cannot be what it is asked to be.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; check the path")
    if source.is_dir():
        return _tree(source, out, reads, writes[0])
    usual = source.with_suffix(writes[0])
    target = usual if out is None else out / usual.name if out.is_dir() else out
    if target.suffix.lower() not in writes:
        raise UsageError(f"output {target} must end in {' or '.join(writes)}")
    return [(source, target)]


def _tree(source: Path, out: Path | None, reads: Sequence[str], suffix: str) -> list[Job]:
    """Every file below a folder and where its output goes: the same tree, here or under ``out``."""
    root = source if out is None else out
    if root.exists() and not root.is_dir():
        raise UsageError(f"{source} is a folder, so the output must be one; {out} is a file")
    files = sorted(file for file in source.rglob("*") if file.suffix.lower() in reads)
    if not files:
        raise FileNotFoundError(f"{source} holds no files that end in {', '.join(reads)}")
    return [(file, (root / file.relative_to(source)).with_suffix(suffix)) for file in files]


@dataclass
class Tally:
    """What became of the files of a run.

    Args:
        written: outputs begun, so that no two inputs share one.
        finished: files worked on to the end.
        skipped: files that were done before.
        failed: what went wrong, in order.
    """

    written: set[Path] = field(default_factory=set)
    finished: int = 0
    skipped: int = 0
    failed: list[Exception] = field(default_factory=list)

    def tell(self, debug: bool) -> int:
        """Lists what is worth a look on stderr; returns the exit code."""
        if self.skipped or (self.failed and self.finished):
            counts = f"{self.finished} done, {self.skipped} done before, {len(self.failed)} failed"
            tqdm.write(f"llm-codec: {counts}", file=sys.stderr)
        for error in self.failed:
            report(error, debug, FAILED)
        return FAILED if self.failed else 0


def each(jobs: list[Job], work: Work, done: Done, args: argparse.Namespace) -> int:
    """Works on every file; the bad ones are listed at the end, and the rest go on.

    Args:
        jobs: of a folder, or of one file.
        work: makes an output and describes it.
        done: whether an output that is there is complete. In a folder it is skipped then; who
            names one file wants it made, and is told that it exists.
        args: with ``input``, ``force``, ``json`` and ``debug``.

    Returns:
        Exit code: 1 if any file failed.
    """
    tally = Tally()
    try:
        for source, target in _progress(jobs):
            try:
                _do(source, target, work, done if args.input.is_dir() else None, tally, args)
            except (ValueError, OSError, RuntimeError, MemoryError) as error:
                tally.failed.append(error)
    finally:  # also where it is interrupted
        code = tally.tell(args.debug)
    return code


def _do(
    source: Path, target: Path, work: Work, done: Done | None, tally: Tally,
    args: argparse.Namespace,
) -> None:
    """Works on one file, unless that would lose something or was done before."""
    names = {"input": str(source), "output": str(target)}
    if target in tally.written:
        raise FileExistsError(f"{target} was just written for another input of the same name")
    tally.written.add(target)
    if target.exists() and not args.force:
        if done is None:
            raise FileExistsError(f"{target} exists; give --force to overwrite it")
        if not (_follows(source, target) and done(source, target)):
            raise FileExistsError(f"{target} exists and is older than {source}, damaged, or made "
                                  "in another way; give --force to overwrite it")
        tally.skipped += 1
        if args.json:
            print(json.dumps({**names, "skipped": True}))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    result = work(source, target)
    tally.finished += 1
    line = json.dumps({**names, **result}) if args.json else f"{source} -> {target}"
    tqdm.write(line, file=sys.stdout)


def _follows(source: Path, target: Path) -> bool:
    """Whether the output is not older than the input."""
    return target.stat().st_mtime >= source.stat().st_mtime


def _progress(jobs: list[Job]) -> Iterator[Job]:
    """A bar on stderr, if someone is watching and there is something to wait for."""
    quiet = len(jobs) < 2 or not sys.stderr.isatty()
    return iter(tqdm(jobs, unit="file", disable=quiet))
