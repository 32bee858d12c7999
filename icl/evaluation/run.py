"""Run rows into a record file, and go on where an earlier run was cut off."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from icl import tasks
from icl.evaluation.classification import Classification
from icl.evaluation.models import Models
from icl.evaluation.record import Record, RecordFile
from icl.evaluation.row import Row
from icl.evaluation.summary import summarise
from icl.tasks.base import data_root

LIBRARIES = ("llm-codec", "torch", "transformers", "numpy", "soundfile", "soxr", "scikit-learn",
             "pesq", "pystoi")  # as far as they are installed


class EvaluationStopped(RuntimeError):
    """An evaluation that could not go on; what it had answered is kept."""


class Bench(Protocol):
    """What answers the questions of a row."""

    questions: Sequence[Any]

    def describe(self) -> dict[str, Any]:
        """What answers follow from, beside row, task and models."""

    def prepare(self, progress: bool = False) -> None:
        """Do the work that all questions share."""

    def answer(self, question: Any) -> dict[str, Any]:
        """One item of the record."""


def evaluate(
    rows: Sequence[Row],
    models: Models,
    root: str | Path | None = None,
    path: str | Path | None = None,
    progress: bool = False,
    command: str = "",
    report: Callable[[Record], None] = lambda record: None,
) -> list[Record]:
    """Answer the questions of every row, with references on the very same ones.

    Args:
        rows: what to run.
        models: codec and language model.
        root: data folder; None looks where `data_root` does.
        path: record file; answers that an unfinished evaluation left there are not asked again.
        progress: show bars on stderr.
        command: what the user typed, for the record.
        report: called with every record that is complete.

    Raises:
        DataError: the data is missing or too small, or no clip of it can be used.
        RecordError: ``path`` holds something else.
        EvaluationStopped: a model failed on the way; the file keeps what was answered.
    """
    file, root = RecordFile(path), data_root(root)
    benches = [_bench(row, tasks.get(row.task), models, root) for row in rows]  # fails early
    for row, bench in zip(rows, benches, strict=True):
        done = file.begin(_header(row, bench, models, command))
        _answer(bench, file, len(done), row.name, progress)
        file.finish(summarise(file.records[-1].items))
        report(file.records[-1])
    return file.records


def _bench(row: Row, task: tasks.Task, models: Models, root: Path) -> Bench:
    if isinstance(task, tasks.ClassificationTask):
        return Classification(row, task, models, root)
    from icl.evaluation.generation import Generation

    return Generation(row, task, models, root)


def _answer(bench: Bench, file: RecordFile, done: int, name: str, progress: bool) -> None:
    waiting = bench.questions[done:]
    try:
        if waiting:
            bench.prepare(progress)
        for question in tqdm(
            waiting, name, len(bench.questions), initial=done, disable=not progress, leave=False
        ):
            file.append(bench.answer(question))
    except (RuntimeError, OSError, ValueError) as error:  # a server that died or said nonsense
        kept = len(file.records[-1].items)
        where = f"kept in {file.path}; the same command goes on" if file.path else "lost: no --json"
        raise EvaluationStopped(
            f"{name} stopped ({error}); {kept} of {len(bench.questions)} answers are {where}"
        ) from error


def _header(row: Row, bench: Bench, models: Models, command: str) -> dict[str, Any]:
    task = tasks.get(row.task)
    about = {key: getattr(task, key) for key in ("name", "version", "description", "licence")}
    return {
        "name": row.name,
        "row": row.to_dict(),
        "task": about,
        **bench.describe(),
        "fingerprints": models.fingerprints,
        "versions": versions(),
        "command": command,
    }


def versions() -> dict[str, str]:
    """Of Python and of the libraries that figures depend on."""
    found = {"python": platform.python_version()}
    for library in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[library] = importlib.metadata.version(library)
    return found
