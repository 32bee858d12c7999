"""``icl classify``: name sounds after labelled examples."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from icl.commands import options
from icl.parser import UsageError, at_least, report_failure
from llm_codec.failure import FAILED


def add(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser(
        "classify",
        help="name sounds, given labelled examples",
        epilog="example: icl classify query.wav --example a.wav=dog --example b.wav=rain",
    )
    parser.add_argument("queries", nargs="+", type=Path, metavar="QUERY", help="audio file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--example", action="append", metavar="FILE=LABEL", help="repeat for every example"
    )
    source.add_argument("--support", type=Path, metavar="DIR", help="one sub-folder per label")
    parser.add_argument("--show-prompt", action="store_true", help="print the prompt as words")
    parser.add_argument("--json", action="store_true", help="one JSON object per query")
    options.add_learner(parser)
    options.add_choice(parser)
    parser.add_argument("--orders", type=at_least(1), default=4, metavar="N",
                        help="orders of the examples to average over (default 4)")
    parser.add_argument("--views", type=at_least(1), metavar="N",
                        help="times a clip is heard, a little later each (default as --orders)")
    parser.add_argument("--views-shown", type=at_least(1), default=1, metavar="N",
                        help="how many of them a prompt shows of every example (default 1)")
    parser.add_argument("--calibrate", choices=("none", "contextual"), default="none")
    parser.add_argument("--temperature", choices=("auto", "fit"), default="auto",
                        help="how sure it is: as measured for the model, or as it is of the "
                             "examples, left out in turn (default auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Name every query; returns 1 if some could not be named."""
    folder = args.support
    examples = options.from_folder(folder) if folder else options.split_pairs(args.example)
    labels = [label for _, label in examples]
    if len(set(labels)) < 2:
        raise UsageError(f"all examples are labelled {labels[0]!r}; give two labels or more")
    args.views = args.views or args.orders
    learner = options.classifier(args).fit([Path(path) for path, _ in examples], labels)
    code = 0
    for query in _bar(args.queries, len(args.queries) > 1):
        try:
            _answer(args, learner, query)
        except (ValueError, OSError) as error:  # the other clips can still be named
            code = report_failure(error, args.debug, FAILED)
    return code


def _answer(args: argparse.Namespace, learner: Any, query: Path) -> None:
    learner.require_room([query])
    heard = learner.hear([query], learner.views)
    probabilities = learner.predict_proba(heard)[0].tolist()
    ranked = sorted(zip(learner.classes_.tolist(), probabilities, strict=True), key=lambda x: -x[1])
    prompt = learner.show_prompt(heard[0]).text if args.show_prompt else None
    if args.json:
        answer = {"query": str(query), "label": ranked[0][0], "probabilities": dict(ranked)}
        print(json.dumps(answer if prompt is None else {**answer, "prompt": prompt}))
        return
    if prompt is not None:
        print(f"{prompt}\n")
    width = max(len(label) for label, _ in ranked)
    lines = [f"  {label:<{width}}  {probability:.3f}" for label, probability in ranked]
    print("\n".join([f"{query}: {ranked[0][0]}", *lines]))


def _bar(items: Sequence[Path], wanted: bool) -> Any:
    """``items``, behind a progress bar where a person waits."""
    from tqdm import tqdm

    return tqdm(items, unit="clip", disable=not (wanted and sys.stderr.isatty()))
