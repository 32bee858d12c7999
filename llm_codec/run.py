"""What every training run has: a recipe in JSON, a schedule, a folder to go on from."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import os
import tempfile
import time
import types
import typing
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch

from llm_codec import atomic

Recipe = TypeVar("Recipe")


def read_recipe(kind: type[Recipe], path: Path, **overrides: Any) -> Recipe:
    """A recipe dataclass from a JSON file; keyword arguments win over the file.

    Args:
        kind: a dataclass with annotated fields.
        path: a JSON object whose keys are fields of ``kind``.
        overrides: fields to set instead.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a JSON object, or a key is unknown, missing or of another type.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} is not a JSON object but a {type(values).__name__}")
    values |= overrides
    fields = {field.name: field for field in dataclasses.fields(kind)}
    check_fields(kind, values, str(path))
    if missing := sorted(name for name, f in fields.items() if _required(f) and name not in values):
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    return kind(**values)


def check_fields(kind: type, values: Mapping[str, Any], where: str) -> None:
    """Raises ValueError if a dataclass has no such fields, or of another type."""
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(values) - set(hints)):
        raise ValueError(f"{where} has unknown keys {unknown}; there are {sorted(hints)}")
    for name, value in values.items():
        if not _fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", hints[name])
            raise ValueError(f"{where}: {name} is {value!r} but must be of type {wanted}")


def _required(field: dataclasses.Field) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _fits(value: Any, hint: Any) -> bool:
    """Whether a JSON value may stand for a field of that type; lists stand for tuples."""
    kind, parts = typing.get_origin(hint) or hint, typing.get_args(hint)
    if kind is Any:
        return True
    if kind in (types.UnionType, typing.Union):
        return any(_fits(value, part) for part in parts)
    if kind is dict:
        return isinstance(value, dict) and all(_fits(entry, parts[1]) for entry in value.values())
    if kind is tuple:
        return isinstance(value, list | tuple) and all(_fits(entry, parts[0]) for entry in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def learning_rate_share(step: int, warmup: int, steps: int, floor: float) -> float:
    """Share of the full learning rate at a step: linear warm-up, then half a cosine to ``floor``.

    Args:
        step: 0 .. steps - 1.
        warmup: steps until the full rate.
        steps: of the whole run.
        floor: share at the end, 0 to 1.
    """
    if step < warmup:
        return (step + 1) / warmup
    part = (step - warmup) / max(1, steps - warmup)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * part))


def check_finite(norm: Any, step: int, losses: Mapping[str, float]) -> None:
    """Stops a run before a step that would leave no weight a number.

    Args:
        norm: of the gradient over all processes.
        step: its number.
        losses: what it came from.

    Raises:
        ValueError: the norm is NaN or infinite.
    """
    if not math.isfinite(norm):
        found = ", ".join(f"{name} {loss:.4g}" for name, loss in losses.items())
        raise ValueError(f"the gradient of step {step} is {float(norm)} ({found}); the last "
                         "checkpoint is kept: look for damaged data, or lower learning_rate")


class RunFolder:
    """Log and last checkpoint of a run, from which it can go on after a stop at any moment.

    Args:
        path: the folder, inside that of the run; made by the first thing that is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> Path:
        """Make the folder, if need be, and return it."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self.path

    @property
    def log_file(self) -> Path:
        """``log.jsonl``: a JSON object a line."""
        return self.path / "log.jsonl"

    def log(self, **values: Any) -> None:
        """Append a line to the log; steps that a resumed run repeats stand there twice."""
        row = {**values, "time": round(time.time(), 1)}
        with (self.make() / self.log_file.name).open("ab+") as file:
            if file.tell() and not _ends_a_line(file):  # a full disk or a kill cut the one before
                file.write(b"\n")
            file.write(json.dumps(row).encode() + b"\n")

    def save(self, state: dict[str, Any]) -> None:
        """Write ``state.pt``; a kill or a full disk half-way leaves the one before."""
        content = io.BytesIO()  # in memory, so that a full disk is a plain OSError
        torch.save(state, content)
        atomic.write_bytes(self.make() / "state.pt", content.getbuffer())

    def load(self, keys: Collection[str] = (), sweep: bool = False) -> dict[str, Any] | None:
        """The last state saved, tensors on the CPU; None before the first.

        Args:
            keys: what a state of this kind of run has.
            sweep: remove what a kill left half written anywhere in the run's folder; for the one
                process that writes there.

        Raises:
            ValueError: the file is damaged, or of another kind of run.
        """
        if sweep:
            atomic.sweep(self.path.parent)
        path = self.path / "state.pt"
        if not path.exists():
            return None
        try:
            state = torch.load(path, weights_only=True, map_location="cpu")
        except (RuntimeError, EOFError, UnpicklingError) as error:
            raise ValueError(f"{path} is damaged, so the run cannot go on from it; remove it to "
                             "begin anew, or give another out") from error
        if not isinstance(state, dict) or not {*keys} <= {*state}:
            raise ValueError(f"{path} is the state of another kind of run; give another out")
        return state

    def publish(self, out: Path, save: Callable[[str], Any]) -> None:
        """Have files written aside, then bring each to ``out`` whole, in reverse order of names.

        So a ``tokenizer.json`` comes last of what a tokenizer is saved as.
        """
        with tempfile.TemporaryDirectory(".tmp", ".", self.make()) as partial:
            save(partial)
            for file in sorted(Path(partial).iterdir(), reverse=True):
                os.replace(file, out / file.name)


def _ends_a_line(file: io.BufferedRandom) -> bool:
    file.seek(-1, io.SEEK_END)
    return file.read(1) == b"\n"


def read_log(path: Path) -> list[dict[str, Any]]:
    """Rows of a ``log.jsonl`` in order; lines that were cut short are left out."""
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def make_accelerator(precision: str, unused: bool = False) -> Any:
    """Where and how precisely to compute: one processor, one GPU or several.

    Args:
        precision: of sums, beside float32 weights: ``"no"`` for float32, or ``"bf16"``, which is
            float32 all the same where nothing but a processor without bfloat16 is at hand: there
            it would be thirty times slower.
        unused: whether some parameters take no part in some steps.

    Raises:
        ImportError: accelerate is not installed.
    """
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs
    except ImportError as error:
        raise ImportError(
            "training needs accelerate; install it with pip install 'llm-codec[train]'"
        ) from error
    AcceleratorState._reset_state()  # else the first run of a process decides for all
    parallel = DistributedDataParallelKwargs(find_unused_parameters=unused,
                                             broadcast_buffers=False)  # all are constant
    patient = InitProcessGroupKwargs(timeout=timedelta(days=1))  # while one of all prepares data
    return Accelerator(mixed_precision=precision if _has_bfloat16() else "no",
                       kwargs_handlers=[parallel, patient])


def _has_bfloat16() -> bool:
    """Whether products in bfloat16 are computed as such here, not put together from float32."""
    mkldnn = torch.backends.mkldnn.is_available()
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported()
