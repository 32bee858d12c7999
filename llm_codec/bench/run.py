"""Run: clips through codecs in several processes, and the record of it."""

from __future__ import annotations

import hashlib
import multiprocessing
import signal
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any

from tqdm import tqdm

import llm_codec
from llm_codec.bench import codecs, costs, summary
from llm_codec.bench.clips import Clip
from llm_codec.bench.journal import Journal
from llm_codec.bench.metrics.neural import Wanted
from llm_codec.bench.usage import Usage
from llm_codec.bench.worker import Line, Worker, quiet

FORMAT = 1
LIBRARIES = ("torch", "transformers", "numpy", "scipy", "soxr", "pesq", "pystoi",
             "praat-parselmouth", "speechmos", "jiwer")


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Args:
        clips: in the order of the record.
        specs: codecs that can run here, in the order of their rows.
        header: first line of the record; all that the numbers depend on.
        baseline: codec that the others are compared with, or none.
        seed: of the bootstrap.
        wanted: measures that need weights.
    """

    clips: list[Clip]
    specs: list[str]
    header: Line
    baseline: str | None = None
    seed: int = 0
    wanted: Wanted = field(default_factory=Wanted)


def header(
    command: str, settings: dict[str, Any], clips: Sequence[Clip], specs: Sequence[str]
) -> Line:
    """First line of a record: versions, settings, codecs, and those that cannot run here.

    Args:
        command: that makes the record again.
        settings: of the run, seeds included.
        clips: that are measured.
        specs: codecs asked for.

    Raises:
        SpecError, CheckpointError: a name is wrong.
        ValueError: none of the codecs can run here.
    """
    described, skipped = [], []
    for spec in specs:
        try:
            described.append(codecs.load(spec).describe())
        except codecs.Missing as error:
            skipped.append({"codec": spec, "reason": str(error)})
    if not described:
        reasons = "; ".join(f"{row['codec']}: {row['reason']}" for row in skipped)
        raise ValueError(f"none of the codecs can run here: {reasons}")
    return {**opening(command, settings, clips), "codecs": described, "skipped": skipped}


def opening(command: str, settings: dict[str, Any], clips: Sequence[Clip]) -> Line:
    """What the first line of every record says: versions, settings, clips; as for `header`."""
    names = "\n".join(f"{clip.kind} {clip.name}" for clip in clips)
    return {
        "line": "header", "format": FORMAT, "command": command, "settings": settings,
        "versions": {"llm-codec": llm_codec.__version__, "python": sys.version.split()[0],
                     **{name: found for name in LIBRARIES if (found := _version(name))}},
        "clips": dict(sorted(Counter(clip.kind for clip in clips).items())),
        "clips_sha256": hashlib.sha256(names.encode()).hexdigest()[:16],
    }


def run(plan: Plan, journal: Journal, jobs: int) -> list[Line]:
    """Measures what the journal does not hold yet, and makes the record.

    Args:
        plan: what to measure.
        journal: where every clip is kept as soon as it is done.
        jobs: processes; 1 works in this one. The record does not depend on it.

    Returns:
        Lines of the record: header, clips that cannot be read, rows of clips, codebooks,
        summaries by kind and by source, differences, costs.

    Raises:
        ChildProcessError: a process died.
    """
    left = [clip for clip in plan.clips if clip.name not in journal.done]
    bar = tqdm(total=len(plan.clips), initial=len(journal.done), unit="clip",
               disable=not sys.stderr.isatty())
    with bar:
        for line in _measured(plan, left, min(jobs, len(left))):
            journal.add(line)
            bar.update()
    return record(plan, journal)


def record(plan: Plan, measured: Iterable[Line]) -> list[Line]:
    """Lines of the record, in an order that does not depend on who was done first."""
    sizes = {row["codec"]: row["codebook_sizes"] for row in plan.header["codecs"]}
    usage = Usage(sizes)
    place = {clip.name: number for number, clip in enumerate(plan.clips)}
    lines = sorted(map(usage.take, measured), key=lambda line: place[line["clip"]])
    bad = [{"line": "unreadable", **line} for line in lines if "error" in line]
    clips = [line for line in lines if "error" not in line]
    digests = "".join(clip["sha256"] for clip in clips)
    return [
        plan.header,
        {"line": "data", "clips": len(clips), "unreadable": len(bad),
         "sha256": hashlib.sha256(digests.encode()).hexdigest()[:16]},
        *bad,
        *(_row(clip, row) for spec in plan.specs for clip in clips for row in clip["rows"]
          if row["codec"] == spec),
        *usage.lines(),
        *(summary.summarise(clips, plan.specs, plan.seed) if clips else ()),
        *summary.by_source(clips, plan.specs, plan.seed),
        *(summary.differences(clips, plan.specs, plan.baseline, plan.seed)
          if clips and plan.baseline else ()),
        *costs.costs(clips, plan.specs, costs.peak_memory(plan.specs)),
    ]


def _row(clip: Line, row: Line) -> Line:
    """A clip's line in the record: all but the costs."""
    kept = {name: value for name, value in row.items() if name not in ("codec", "cost")}
    return {"line": "clip", "codec": row["codec"], "clip": clip["clip"], "kind": clip["kind"],
            "source": clip["source"], "seconds": clip["seconds"], "sha256": clip["sha256"], **kept}


def _measured(plan: Plan, clips: Sequence[Clip], jobs: int) -> Iterator[Line]:
    """Results in the order in which they are done; few clips are in flight at any time."""
    if jobs <= 1:
        worker = Worker(plan.specs, plan.wanted) if clips else None
        yield from (worker.measure(clip) for clip in clips)
        return
    waiting = iter(clips)
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _start,
                               (plan.specs, plan.wanted))
    try:
        running = {pool.submit(_work, clip) for clip in islice(waiting, 2 * jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_work, clip) for clip in islice(waiting, len(done))}
            yield from map(Future.result, done)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a process died, perhaps for want of memory; run the same command again to go on, with "
            "fewer --jobs"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_worker: Worker


def _start(specs: list[str], wanted: Wanted) -> None:
    global _worker
    quiet()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops the run and says so
    _worker = Worker(specs, wanted)


def _work(clip: Clip) -> Line:
    return _worker.measure(clip)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
