"""Arguments that commands share, and the learners they ask for."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icl.parser import UsageError, at_least, seed
from icl.template import TEMPLATES

def add_learner(parser: argparse.ArgumentParser) -> None:
    """Models and prompt of a classifier."""
    parser.add_argument("--scales", type=at_least(1), default=1, help="codec scales (default 1)")
    parser.add_argument("--template", choices=sorted(TEMPLATES), default="pocket")
    add_models(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Models of any learner, and how often examples are shown."""
    parser.add_argument("--repeats", type=at_least(1), default=1, help="times examples are shown")
    parser.add_argument("--codec", default="pocket", metavar="NAME", help="preset, folder, hub id")
    parser.add_argument(
        "--llm", default="pocket", metavar="NAME",
        help="preset, folder, hub id, or http://host:port/v1[#model] of a completions server",
    )  # fmt: skip
    parser.add_argument("--tokenizer", metavar="NAME", help="of a server's model: folder, hub id")


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Which examples are shown, and in which order."""
    from icl.demonstrations import CHOICES, ORDERS

    parser.add_argument("--choose", choices=CHOICES, default="all", help="examples (default all)")
    parser.add_argument("--per-label", type=at_least(1), metavar="N", help="how many to choose")
    parser.add_argument("--order", choices=ORDERS, default="shuffled", help="default shuffled")
    parser.add_argument("--seed", type=seed, default=0, help="of draws (default 0)")


def classifier(args: argparse.Namespace) -> Any:
    """The classifier the arguments ask for; the heavy imports happen here."""
    from icl.learner import FewShotClassifier

    return learner(FewShotClassifier, args)


def learner(kind: type, args: argparse.Namespace, **more: Any) -> Any:
    """A learner whose settings are the arguments that are called like them."""
    keep_quiet()
    names = [name for name in inspect.signature(kind).parameters if hasattr(args, name)]
    return kind(**{name: getattr(args, name) for name in names}, **more)


def keep_quiet() -> None:
    """Leave stderr to our own lines."""
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    hub_logging.set_verbosity_error()
    logging.set_verbosity_error()
    logging.disable_progress_bar()


def split_pairs(pairs: Sequence[str], form: str = "FILE=LABEL") -> list[tuple[str, str]]:
    """Both sides of arguments such as ``FILE=LABEL``, cut at the last ``=``.

    Raises:
        UsageError: an argument has no ``=``, or nothing on one side of it.
    """
    sides = []
    for pair in pairs:
        left, equals, right = pair.rpartition("=")
        if not (equals and left.strip() and right.strip()):
            raise UsageError(f"--example {pair!r} is not {form}")
        sides.append((left, right.strip()))
    return sides


def from_folder(folder: Path) -> list[tuple[Path, str]]:
    """Examples of a folder with one sub-folder of audio files for each label."""
    from llm_codec.audio import SUFFIXES

    if not folder.is_dir():
        raise UsageError(f"--support {folder} is not a folder")
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"--support {folder} has no sub-folder with audio files")
    return [(path, path.parent.name) for path in files]
