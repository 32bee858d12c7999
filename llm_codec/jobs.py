"""Jobs: the files of a folder, or one file, and where the output of each goes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from llm_codec.failure import FAILED, UsageError, report

Job = tuple[Path, Path]  # input, output


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


def each(
    jobs: list[Job], work: Callable[[Path, Path], dict[str, Any]], args: argparse.Namespace
) -> int:
    """Works on every file; a bad one is reported on one line and the rest go on."""
    failed = False
    written: set[Path] = set()
    for source, target in _progress(jobs):
        try:
            _claim(target, written, args.force)
            result = work(source, target)
        except (ValueError, OSError) as error:
            failed = bool(report(error, args.debug, FAILED))
            continue
        if args.json:
            result = {"input": str(source), "output": str(target), **result}
        tqdm.write(json.dumps(result) if args.json else f"{source} -> {target}", file=sys.stdout)
    return FAILED if failed else 0


def _claim(target: Path, written: set[Path], force: bool) -> None:
    """Makes the folder of ``target``, unless something there or of this run would be lost."""
    if target in written:
        raise FileExistsError(f"{target} was just written for another input of the same name")
    if target.exists() and not force:
        raise FileExistsError(f"{target} exists; give --force to overwrite it")
    target.parent.mkdir(parents=True, exist_ok=True)
    written.add(target)


def _progress(jobs: list[Job]) -> Iterator[Job]:
    """A bar on stderr, if someone is watching and there is something to wait for."""
    quiet = len(jobs) < 2 or not sys.stderr.isatty()
    return iter(tqdm(jobs, unit="file", disable=quiet))
